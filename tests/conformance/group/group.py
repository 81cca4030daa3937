"""Says of each completion of a prompt how many are the same."""

from dataclasses import dataclass
from typing import Union

from gavel_plugin import Abstain, Error, InvalidTask, Submission, Verdict, group_verifier


@dataclass(frozen=True)
class Options:
    tag: str = ""


@group_verifier(
    name="group",
    version="0.1.0",
    summary="Says of each completion of a prompt how many are the same.",
    metrics=["same", "size"],
)
def verify(submissions: list[Submission], options: Options) -> list[Union[Verdict, Error]]:
    texts = [submission.completion for submission in submissions]
    if "all" in texts:
        raise InvalidTask("told by one")
    judged: list[Union[Verdict, Error]] = []
    for place, submission in enumerate(submissions, 1):
        if submission.completion == "lose":
            continue
        if submission.completion == "abstain":
            judged.append(Abstain(f"told by {place}"))
            continue
        same, size = texts.count(submission.completion), len(texts)
        reference = "<none>" if submission.reference is None else submission.reference
        reason = f"[{submission.prompt}][{reference}][{options.tag}] {place} of {size}"
        judged.append(Verdict(same / size, reason, {"same": same, "size": size}))
    return judged
