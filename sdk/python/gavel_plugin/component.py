"""Between gavel's records and the plugin's own, for the component's exports. Imported by what `build` makes, only there."""

import gc
import io
import sys

from typing import Any

from wit_world.imports import types

from gavel_plugin.plugin import plain, the_plugin
from gavel_plugin.submission import Abstain, Error, InternalError, InvalidOptions, InvalidTask, Verdict

_CODES = {
    InvalidOptions: types.ErrorCode_InvalidOptions,
    InvalidTask: types.ErrorCode_InvalidTask,
    Abstain: types.ErrorCode_Abstain,
    InternalError: types.ErrorCode_InternalError,
}


def describe() -> types.Description:
    plugin = the_plugin()
    return types.Description(plugin.name, plugin.version, plugin.summary, plugin.schema, list(plugin.metrics))


def code(error: Error) -> Any:
    """The contract's error."""
    kind = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), types.ErrorCode_InternalError)
    return kind(plain(str(error)))


def said(verdict: Verdict) -> types.Verdict:
    """The contract's verdict."""
    metrics = [(name, float(value)) for name, value in verdict.metrics.items()]
    reason = None if verdict.reason is None else plain(verdict.reason)
    return types.Verdict(float(verdict.reward), reason, metrics)


def _for_authors(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """A stream for what a verifier prints: all of it, of which its author sees the end also where the verifier breaks.

    The component's own has no buffer, and loses what the host does not take at once. A text that is none breaks no verdict.
    """
    if isinstance(stream.buffer, io.RawIOBase):
        stream = io.TextIOWrapper(io.BufferedWriter(stream.buffer), encoding="utf-8")
    stream.reconfigure(line_buffering=True, errors="backslashreplace")
    return stream


def seal() -> None:
    """What is alive when the snapshot is taken lives as long as it: the collector need not look at it."""
    the_plugin()
    sys.stdout, sys.stderr = _for_authors(sys.stdout), _for_authors(sys.stderr)
    gc.collect()
    gc.freeze()
