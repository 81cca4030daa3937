## Says of each completion of a prompt how many are the same.

import gavel

type Options = object
  tag: Option[string]

proc verify(submissions: seq[Submission], options: Options): seq[Judged] =
  for submission in submissions:
    if submission.completion == "all": raise newException(InvalidTask, "told by one")
  for place, submission in submissions:
    if submission.completion == "lose": continue
    if submission.completion == "abstain":
      result.add unjudged(newException(Abstain, "told by " & $(place + 1)))
      continue
    var same = 0
    for other in submissions:
      if other.completion == submission.completion: inc same
    let reason = "[" & submission.prompt & "][" & submission.reference.get("<none>") & "][" & options.tag.get("") & "] " &
      $(place + 1) & " of " & $submissions.len
    result.add judged(Verdict(reward: same / submissions.len)
      .because(reason)
      .metric("same", same.float)
      .metric("size", submissions.len.float))

runGroup(Plugin(
  name: "group",
  version: "0.1.0",
  summary: "Says of each completion of a prompt how many are the same.",
  metrics: @["same", "size"],
), verify)
