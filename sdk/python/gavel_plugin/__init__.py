"""Write a gavel reward plugin in Python: a function that judges one submission.

    from dataclasses import dataclass
    from gavel_plugin import Submission, Verdict, verifier

    @dataclass(frozen=True)
    class Options:
        limit: int = 50

    @verifier(name="word-limit", version="0.1.0", summary="The completion has at most `limit` words.",
              metrics=["words"])
    def verify(submission: Submission, options: Options) -> Verdict:
        words = len(submission.completion.split())
        return Verdict.right_if(words <= options.limit, reason=f"{words} words", metrics={"words": words})

`python -m gavel_plugin build word_limit.py -o word_limit.wasm` makes a component of it.
"""

from gavel_plugin.options import option
from gavel_plugin.plugin import GroupPlugin, Plugin, group_verifier, verifier
from gavel_plugin.submission import (
    Abstain,
    Error,
    InternalError,
    InvalidOptions,
    InvalidTask,
    Submission,
    Verdict,
    excerpt,
)

__all__ = [
    "Abstain",
    "Error",
    "GroupPlugin",
    "InternalError",
    "InvalidOptions",
    "InvalidTask",
    "Plugin",
    "Submission",
    "Verdict",
    "excerpt",
    "group_verifier",
    "option",
    "verifier",
]
