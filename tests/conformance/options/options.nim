## Says the options that it was given.

import gavel

type
  Mode = enum soft, hard
  Options = object
    limit: Positive
    mode: Option[Mode]

proc verify(submission: Submission, options: Options): Verdict =
  Verdict(reward: options.limit.float).because($options.mode.get(soft))

run(Plugin(name: "options", version: "0.1.0", summary: "Says the options that it was given."), verify)
