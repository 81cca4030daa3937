"""Judges length: the completion has at most `limit` words."""

from dataclasses import dataclass

from gavel_plugin import Submission, Verdict, option, verifier


@dataclass(frozen=True)
class Options:
    limit: int = option(help="The most words.", minimum=0)


@verifier(
    name="word-limit",
    version="0.1.0",
    summary="The completion has at most `limit` words.",
    metrics=["words"],
)
def verify(submission: Submission, options: Options) -> Verdict:
    words = len(submission.completion.split())
    return Verdict.right_if(
        words <= options.limit,
        reason=f"{words} words, at most {options.limit} allowed",
        metrics={"words": words},
    )
