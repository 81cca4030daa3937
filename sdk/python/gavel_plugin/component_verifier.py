"""The exports of a component that judges one submission at a time."""

import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

from gavel_plugin.component import code, describe, said
from gavel_plugin.plugin import the_plugin
from gavel_plugin.submission import Error


class Verifier(exports.Verifier):
    """What the host calls."""

    def describe(self) -> types.Description:
        return describe()

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
            raise Err(code(error)) from None
        sys.stdout.flush()
        return said(verdict)
