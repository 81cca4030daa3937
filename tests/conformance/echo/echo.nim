## Says what it was given.

import std/json
import gavel

type Options = object
  tag: Option[string]

proc shown(text: Option[string]): string =
  if text.isNone: "<none>" else: "[" & text.get & "]"

proc verify(submission: Submission, options: Options): Verdict =
  let note = if submission.metadata.hasKey("note"): some(submission.metadata["note"].getStr) else: none(string)
  let all = shown(some(submission.prompt)) & shown(some(submission.completion)) & shown(submission.reference) &
    shown(note) & shown(some(options.tag.get("")))
  var sum = 0.0
  for letter in submission.completion: sum += ord(letter).float
  Verdict(reward: 1.0)
    .because(if all.len <= 1100: all else: "large")
    .metric("prompt_bytes", submission.prompt.len.float)
    .metric("completion_bytes", submission.completion.len.float)
    .metric("completion_sum", sum)
    .metric("reference_bytes", if submission.reference.isSome: submission.reference.get.len.float else: -1.0)

run(Plugin(
  name: "echo",
  version: "0.1.0",
  summary: "Says what it was given.",
  metrics: @["prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes"],
), verify)
