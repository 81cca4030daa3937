## Judges length: the completion has at most `limit` words.

import std/[strformat, strutils]
import gavel

type Options = object
  limit: Natural

proc verify(submission: Submission, options: Options): Verdict =
  let words = submission.completion.splitWhitespace.len
  rightIf(words <= options.limit)
    .because(&"{words} words, at most {options.limit} allowed")
    .metric("words", words.float)

run(Plugin(
  name: "word-limit",
  version: "0.1.0",
  summary: "The completion has at most `limit` words.",
  metrics: @["words"],
), verify)
