"""The exports of a component that judges the completions of a prompt together."""

import sys
from typing import Any

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import types

from gavel_plugin.component import code, describe, said
from gavel_plugin.plugin import the_plugin
from gavel_plugin.submission import Error, Submission


class GroupVerifier(exports.GroupVerifier):
    """What the host calls."""

    def describe(self) -> types.Description:
        return describe()

    def verify_group(self, submissions: list[types.Submission], options: str) -> list[Any]:
        asked = [Submission(it.completion, it.prompt, it.reference, it.metadata) for it in submissions]
        try:
            judged = the_plugin().judge_group(asked, options_json=options)  # type: ignore[attr-defined]
        except Error as error:
            judged = [error] * len(asked)
        sys.stdout.flush()
        return [Err(code(it)) if isinstance(it, Error) else Ok(said(it)) for it in judged]
