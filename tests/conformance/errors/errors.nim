## Gives no verdict, for each reason that there is.

import gavel

proc verify(submission: Submission, options: NoOptions): Verdict =
  let told = "told: " & submission.reference.get("nothing")
  case submission.completion
  of "invalid-task": raise newException(InvalidTask, told)
  of "abstain": raise newException(Abstain, told)
  of "internal-error": raise newException(InternalError, told)
  of "invalid-options": raise newException(InvalidOptions, told)
  of "column": Verdict(reward: submission.require("level", float))
  else: Verdict(reward: 0.25)

run(Plugin(name: "errors", version: "0.1.0", summary: "Gives no verdict, for each reason that there is."), verify)
