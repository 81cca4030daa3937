"""The component's exports: the plugin between gavel's records and its own. Imported by what `build` makes, only there."""

import gc
import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

from gavel_plugin.plugin import the_plugin
from gavel_plugin.submission import Abstain, Error, InternalError, InvalidOptions, InvalidTask

_CODES = {
    InvalidOptions: types.ErrorCode_InvalidOptions,
    InvalidTask: types.ErrorCode_InvalidTask,
    Abstain: types.ErrorCode_Abstain,
    InternalError: types.ErrorCode_InternalError,
}


class Verifier(exports.Verifier):
    """What the host calls."""

    def describe(self) -> types.Description:
        plugin = the_plugin()
        return types.Description(plugin.name, plugin.version, plugin.summary, plugin.schema, list(plugin.metrics))

    def verify(self, submission: types.Submission, options: str) -> types.Verdict:
        try:
            verdict = the_plugin().judge(
                submission.completion,
                submission.reference,
                prompt=submission.prompt,
                metadata_json=submission.metadata,
                options_json=options,
            )
        except Error as error:
            sys.stdout.flush()
            code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), types.ErrorCode_InternalError)
            raise Err(code(str(error))) from None
        sys.stdout.flush()
        metrics = [(name, float(value)) for name, value in verdict.metrics.items()]
        return types.Verdict(float(verdict.reward), verdict.reason, metrics)


def seal() -> None:
    """What is alive when the snapshot is taken lives as long as it: the collector need not look at it."""
    the_plugin()
    # What a verifier prints is for its author, who would not see the end of it where the verifier breaks.
    sys.stdout.reconfigure(line_buffering=True)
    gc.collect()
    gc.freeze()
