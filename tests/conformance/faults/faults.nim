## Breaks in every way that a plugin can break.

import gavel

proc spin() =
  var number {.volatile.} = 1'u64
  while number != 0: number = number * 6364136223846793005'u64 or 1

proc bomb() =
  var held: seq[seq[byte]]
  while true:
    var more = newSeq[byte](1 shl 20)
    for place in countup(0, more.high, 4096): more[place] = 1
    held.add more

proc recurse(depth: uint64): uint64 =
  var frame {.volatile.}: array[16, uint64]
  frame[0] = depth
  if frame[0] == 0: 0'u64 else: recurse(frame[0] + 1) + frame[0]

proc verify(submission: Submission, options: NoOptions): Verdict =
  case submission.completion
  of "panic": raise newException(ValueError, "as asked")
  of "loop": spin()
  of "bomb": bomb()
  of "recurse": return Verdict(reward: recurse(1).float)
  else: discard
  Verdict(reward: 1.0)

run(Plugin(name: "faults", version: "0.1.0", summary: "Breaks in every way that a plugin can break."), verify)
