"""Breaks in every way that a plugin can break."""

from gavel_plugin import Submission, Verdict, verifier


@verifier(name="faults", version="0.1.0", summary="Breaks in every way that a plugin can break.")
def verify(submission: Submission) -> Verdict:
    fault = FAULTS.get(submission.completion)
    if fault:
        fault()
    return Verdict(1.0)


def panic() -> None:
    raise RuntimeError("as asked")


def spin() -> None:
    number = 1
    while number:
        number = number * 6364136223846793005 % (1 << 64) | 1


def bomb() -> None:
    held = []
    while True:
        held.append(b"x" * (1 << 20))


def recurse(depth: int = 1) -> int:
    return recurse(depth + 1) + 1


FAULTS = {"panic": panic, "loop": spin, "bomb": bomb, "recurse": recurse}
