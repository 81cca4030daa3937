"""Says what it sees of the world."""

import os
import random
import sys
import time

from gavel_plugin import Submission, Verdict, verifier


@verifier(
    name="world",
    version="0.1.0",
    summary="Says what it sees of the world.",
    metrics=["environment", "files", "clock", "random", "slept"],
)
def verify(submission: Submission) -> Verdict:
    print("a line for stdout")
    print("a line for stderr", file=sys.stderr)
    clock, before = time.time(), time.monotonic()
    time.sleep(3600)
    return Verdict(
        1.0,
        metrics={
            "environment": len(os.environ),
            "files": readable("/etc/passwd"),
            "clock": clock,
            "random": random.SystemRandom().random(),
            "slept": time.monotonic() - before >= 3600,
        },
    )


def readable(path: str) -> bool:
    try:
        with open(path):
            return True
    except OSError:
        return False
