"""Says two hundred numbers."""

from gavel_plugin import Submission, Verdict, verifier

NAMES = [f"m{index:03}" for index in range(200)]


@verifier(name="metrics", version="0.1.0", summary="Says two hundred numbers.", metrics=NAMES)
def verify(submission: Submission) -> Verdict:
    return Verdict(0.5, metrics={name: index / 2 for index, name in enumerate(NAMES)})
