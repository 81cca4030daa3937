"""Says the number that the reference is, and its bits."""

import struct

from gavel_plugin import InvalidTask, Submission, Verdict, verifier


@verifier(
    name="floats",
    version="0.1.0",
    summary="Says the number that the reference is, and its bits.",
    metrics=["value", "high", "low"],
)
def verify(submission: Submission) -> Verdict:
    text = submission.require_reference()
    try:
        value = float(text)
    except ValueError:
        raise InvalidTask(f"{text!r} is no number") from None
    high, low = struct.unpack(">II", struct.pack(">d", value))
    return Verdict(value, metrics={"value": value, "high": high, "low": low})
