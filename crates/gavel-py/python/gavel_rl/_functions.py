"""Python functions as verifiers beside plugins: what they are given, and what is made of what they return.

A function is no plugin: it runs in this process, on the threads that judge but one at a time under Python's lock, and
nothing limits it. What holds for plugins holds for what it says: an exception is an outcome without verdict and never a
zero, and a reward is a finite number.
"""

from __future__ import annotations

import inspect
import json
import math
import traceback
from collections.abc import Callable, Mapping
from typing import Any

#: What the Rust side reads: the kind of outcome, the reward, what is said of it, and the metrics.
Said = tuple[str, float, "str | None", "list[tuple[str, float]]"]

#: The parts of a submission that a function may have as arguments; every other argument is a column.
_PARTS = ("prompt", "completion", "reference", "metadata")


def taken_out(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Callable[..., Any]]]:
    """Settings of a reward without the functions in them, and the functions by the names of their verifiers."""
    functions: dict[str, Callable[..., Any]] = {}
    verifiers: dict[str, Any] = {}
    for name, verifier in settings.get("verifiers", {}).items():
        if callable(verifier):
            verifier = {"function": verifier}
        if isinstance(verifier, Mapping) and callable(verifier.get("function")):
            functions[name] = verifier["function"]
            verifier = {**verifier, "function": True}
        verifiers[name] = verifier
    return {**settings, "verifiers": verifiers}, functions


class Judge:
    """A function as the threads that judge call it: it never raises."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):
            raise TypeError(f"{function!r} is asynchronous: a verifier returns its verdict")
        self._function = function
        parameters = inspect.signature(function).parameters.values()
        self._all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        self._wanted = {
            parameter.name: parameter.default is parameter.empty
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        if any(parameter.kind is parameter.POSITIONAL_ONLY for parameter in parameters):
            raise TypeError(f"{function!r} has arguments without a name: it is called by names")

    def __call__(self, prompt: str, completion: str, reference: str | None, metadata: str) -> Said:
        try:
            columns: dict[str, Any] = json.loads(metadata) if metadata else {}
            given = {
                **columns, "prompt": prompt, "completion": completion, "reference": reference, "metadata": columns
            }
            missing = [name for name, required in self._wanted.items() if required and name not in given]
            if missing:
                return _without("invalid-task", f"there is no column `{missing[0]}`")
            if not self._all:
                given = {name: given[name] for name in self._wanted if name in given}
            return _verdict(self._function(**given))
        except MemoryError as error:
            return _without("host-failed", _described(error))
        # `SystemExit` and `KeyboardInterrupt` too: there is nobody above who waits for them.
        except BaseException as error:
            return _without("internal-error", _described(error))


def _without(status: str, reason: str) -> Said:
    return status, 0.0, reason, []


def _verdict(said: Any) -> Said:
    """A number is a reward; a mapping has `reward`, `reason` and `metrics`; `None` abstains."""
    if said is None:
        return _without("abstained", "the function returned None")
    reason, metrics = None, []
    if isinstance(said, Mapping):
        unknown = [name for name in said if name not in ("reward", "reason", "metrics")]
        if unknown or "reward" not in said:
            return _without("refused", "a verdict has `reward`, `reason` and `metrics`, and this one " + (
                f"`{unknown[0]}`" if unknown else "no `reward`"
            ))
        reason = None if said.get("reason") is None else str(said["reason"])
        metrics = [(str(name), _number(value)) for name, value in (said.get("metrics") or {}).items()]
        said = said["reward"]
    reward = _number(said)
    if not math.isfinite(reward):
        return _without("refused", f"the reward is {reward}, not a finite number")
    wrong = [name for name, value in metrics if not math.isfinite(value)]
    if wrong:
        return _without("refused", f"the metric `{wrong[0]}` is not a finite number")
    return "verdict", reward, reason, metrics


def _number(value: Any) -> float:
    # A text that looks like a number is none.
    if isinstance(value, (str, bytes)):
        raise TypeError(f"a {type(value).__name__} is no number")
    return float(value)


def _described(error: BaseException) -> str:
    """The exception, with the line that raised it."""
    said = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return f"{said} ({own[-1].filename}:{own[-1].lineno})" if own else said
