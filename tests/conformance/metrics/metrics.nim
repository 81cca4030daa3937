## Says two hundred numbers.

import std/[sequtils, strutils]
import gavel

let names = toSeq(0 ..< 200).mapIt("m" & align($it, 3, '0'))

proc verify(submission: Submission, options: NoOptions): Verdict =
  result = Verdict(reward: 0.5)
  for index, name in names: result.metrics.add (name, index / 2)

run(Plugin(name: "metrics", version: "0.1.0", summary: "Says two hundred numbers.", metrics: names), verify)
