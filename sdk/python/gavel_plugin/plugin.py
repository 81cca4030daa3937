"""The decorator that makes a plugin of a function, and what a plugin can be asked."""

from __future__ import annotations

import inspect
import math
import traceback
import typing
from typing import Any, Callable, Mapping, Optional, Sequence

from gavel_plugin import options as options_of
from gavel_plugin.submission import Error, InternalError, Submission, Verdict


class Plugin:
    """A verifier and what it says of itself. Call it as the function it was made of, or `judge` with plain values."""

    def __init__(
        self, function: Callable[..., Verdict], name: str, version: str, summary: str, metrics: Sequence[str]
    ) -> None:
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) not in (1, 2):
            raise TypeError(f"{function.__name__} must take a submission, and options if it has any")
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

    def __call__(self, *arguments: Any) -> Verdict:
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
        read = options_of.read(self.options, options_json)
        submission = Submission(completion, prompt, reference, metadata_json)
        try:
            verdict = self.function(submission) if self.options is None else self.function(submission, read)
        except (Error, MemoryError):  # the host tells a refused growth of memory from other failures by itself
            raise
        except (Exception, SystemExit) as error:
            # For `gavel plugin test`, which shows what a verifier wrote; without the frame of this function.
            traceback.print_exception(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
            said = f"sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
            raise InternalError(f"{said} ({self._place(error)})") from error
        self._check(verdict)
        return verdict

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


def _check_number(what: str, value: Any) -> None:
    try:
        is_finite = math.isfinite(value)
    except TypeError:
        raise InternalError(f"{what} is {value!r}, not a number") from None
    if not is_finite:
        raise InternalError(f"{what} is {value}")


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


def the_plugin() -> Plugin:
    """The plugin of this component."""
    if len(_plugins) != 1:
        names: Mapping[str, None] = dict.fromkeys(plugin.name for plugin in _plugins)
        found = f"{len(_plugins)} are: {', '.join(names)}" if names else "none is"
        raise RuntimeError(f"one function is to be decorated with @verifier, and {found}")
    return _plugins[0]
