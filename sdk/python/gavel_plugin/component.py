"""Between gavel's records and the plugin's own, for the component's exports. Imported by what `build` makes, only there."""

import gc
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


def seal() -> None:
    """What is alive when the snapshot is taken lives as long as it: the collector need not look at it."""
    the_plugin()
    # What a verifier prints is for its author, who would not see the end of it where the verifier breaks.
    sys.stdout.reconfigure(line_buffering=True)
    gc.collect()
    gc.freeze()
