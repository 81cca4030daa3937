"""The decorator that makes a plugin of a function, and what a plugin can be asked."""

from __future__ import annotations

import inspect
import math
import re
import traceback
import typing
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from gavel_plugin import options as options_of
from gavel_plugin.submission import Error, InternalError, Submission, Verdict


class Plugin:
    """A verifier and what it says of itself. Call it as the function it was made of, or `judge` with plain values."""

    #: What the function takes first.
    takes = "a submission"

    def __init__(
        self, function: Callable[..., Any], name: str, version: str, summary: str, metrics: Sequence[str]
    ) -> None:
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) not in (1, 2):
            raise TypeError(f"{function.__name__} must take {self.takes}, and options if it has any")
        self.function = function
        self.name = name
        self.version = version
        self.summary = summary
        self.metrics = tuple(metrics)
        self.options: Optional[type] = None
        if len(parameters) == 2:
            self.options = typing.get_type_hints(function)[parameters[1]]
        self.schema = options_of.schema(self.options)
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def judge(
        self,
        completion: str,
        reference: Optional[str] = None,
        *,
        prompt: str = "",
        metadata_json: str = "{}",
        options_json: str = "{}",
    ) -> Verdict:
        """Judges as the host would; raises an `Error` where there is no verdict."""
        verdict = self._asked(Submission(completion, prompt, reference, metadata_json), options_json)
        self._check(verdict)
        return verdict

    def _asked(self, about: Any, options_json: str) -> Any:
        """What the function says; the options are read first."""
        read = options_of.read(self.options, options_json)
        try:
            return self.function(about) if self.options is None else self.function(about, read)
        except (Error, MemoryError):  # the host tells a refused growth of memory from other failures by itself
            raise
        except (Exception, SystemExit) as error:
            # For `gavel plugin test`, which shows what a verifier wrote; without the frame of this function.
            traceback.print_exception(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
            said = f"sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
            raise InternalError(f"{said} ({self._place(error)})") from error

    def _place(self, error: BaseException) -> str:
        """Where the author's own code broke: the innermost frame in a file beside the verifier's, which may have called a
        package."""
        frames = traceback.extract_tb(error.__traceback__)
        folder = self.function.__code__.co_filename.rpartition("/")[0]
        own = [frame for frame in frames[1:] if frame.filename.rpartition("/")[0] == folder]
        place = (own or frames)[-1]
        return f"{place.filename.rpartition('/')[2]}:{place.lineno} in {place.name}"

    def _check(self, verdict: Verdict) -> None:
        """The host refuses such verdicts too; here the message comes with a traceback."""
        if not isinstance(verdict, Verdict):
            raise InternalError(f"{self.function.__name__} returned {type(verdict).__name__}, not a Verdict")
        _check_number("the reward", verdict.reward)
        if verdict.reason is not None and not isinstance(verdict.reason, str):
            raise InternalError(f"the reason is {verdict.reason!r}, not a str")
        for name, value in verdict.metrics.items():
            if name not in self.metrics:
                raise InternalError(f"the metric `{name}` is not among those that the plugin promises")
            _check_number(f"the metric `{name}`", value)


class GroupPlugin(Plugin):
    """A verifier of the completions of a prompt together, and what it says of itself."""

    takes = "a list of submissions"

    def judge_group(
        self, submissions: Sequence[Submission], *, options_json: str = "{}"
    ) -> list[Union[Verdict, Error]]:
        """Judges as the host would: a verdict or an `Error` for each, in their order. Raises an `Error` where there is none of
        any of them."""
        said = self._asked(list(submissions), options_json)
        try:
            judged = list(said)
        except TypeError:
            raise InternalError(f"{self.function.__name__} returned {type(said).__name__}, not a list") from None
        if len(judged) != len(submissions):
            raise InternalError(f"{self.function.__name__} gives {len(judged)} verdicts for {len(submissions)} completions")
        for verdict in judged:
            if not isinstance(verdict, Error):
                self._check(verdict)
        return judged

    def judge(
        self,
        completion: str,
        reference: Optional[str] = None,
        *,
        prompt: str = "",
        metadata_json: str = "{}",
        options_json: str = "{}",
    ) -> Verdict:
        """Judges a group of one."""
        submission = Submission(completion, prompt, reference, metadata_json)
        (said,) = self.judge_group([submission], options_json=options_json)
        if isinstance(said, Error):
            raise said
        return said


def _check_number(what: str, value: Any) -> None:
    try:
        is_finite = math.isfinite(value)
    except OverflowError:  # an int without end, whose digits nobody wants to read
        raise InternalError(f"{what} is larger than any float") from None
    except (TypeError, ValueError):
        raise InternalError(f"{what} is {value!r}, not a number") from None
    if not is_finite:
        raise InternalError(f"{what} is {value}")


_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(text: str) -> str:
    """A text without halves of surrogate pairs, which Python has where JSON names one (`"\\ud83d"`) and no other text can hold:
    each is U+FFFD, as everywhere in gavel."""
    return _SURROGATE.sub("\ufffd", text)


_plugins: list[Plugin] = []


def verifier(
    *, name: str, version: str, summary: str, metrics: Sequence[str] = ()
) -> Callable[[Callable[..., Verdict]], Plugin]:
    """Makes the function a plugin.

    `name` is kebab-case, as a reward file calls it; `version` is semantic; `summary` is one sentence; `metrics` are
    the names that a verdict may carry. The options are the class that the second parameter is annotated with.
    """

    def decorate(function: Callable[..., Verdict]) -> Plugin:
        plugin = Plugin(function, name, version, summary, metrics)
        _plugins.append(plugin)
        return plugin

    return decorate


def group_verifier(
    *, name: str, version: str, summary: str, metrics: Sequence[str] = ()
) -> Callable[[Callable[..., Sequence[Union[Verdict, Error]]]], GroupPlugin]:
    """As `verifier`, of a function that judges the completions of a prompt together.

    It takes a list of submissions, at least one, and returns a list with as many verdicts, in their order; where one has
    none, an `Error` stands in its place. An error that it raises is why none of them has a verdict.
    """

    def decorate(function: Callable[..., Sequence[Union[Verdict, Error]]]) -> GroupPlugin:
        plugin = GroupPlugin(function, name, version, summary, metrics)
        _plugins.append(plugin)
        return plugin

    return decorate


def the_plugin() -> Plugin:
    """The plugin of this component."""
    if len(_plugins) != 1:
        names: Mapping[str, None] = dict.fromkeys(plugin.name for plugin in _plugins)
        found = f"{len(_plugins)} are: {', '.join(names)}" if names else "none is"
        raise RuntimeError(f"one function is to be decorated with @verifier or @group_verifier, and {found}")
    return _plugins[0]
