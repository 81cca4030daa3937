## Says the number that the reference is, and its bits.

import std/strutils
import gavel

proc verify(submission: Submission, options: NoOptions): Verdict =
  let text = submission.requireReference
  var value: float
  try: value = parseFloat(text)
  except ValueError: raise newException(InvalidTask, "\"" & text & "\" is no number")
  let bits = cast[uint64](value)
  Verdict(reward: value)
    .metric("value", value)
    .metric("high", float(bits shr 32))
    .metric("low", float(bits and 0xffffffff'u64))

run(Plugin(
  name: "floats",
  version: "0.1.0",
  summary: "Says the number that the reference is, and its bits.",
  metrics: @["value", "high", "low"],
), verify)
