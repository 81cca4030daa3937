// Gives no verdict, for each reason that there is.

import {
  Options, Plugin, Submission, Verdict, abstain, internalError, invalidOptions, invalidTask, member, run,
} from "./.gavel/sdk/assemblyscript/gavel";

function verify(submission: Submission, options: Options): Verdict {
  const reference = submission.reference;
  const told = "told: " + (reference === null ? "nothing" : reference);
  if (submission.completion == "invalid-task") return invalidTask(told);
  if (submission.completion == "abstain") return abstain(told);
  if (submission.completion == "internal-error") return internalError(told);
  if (submission.completion == "invalid-options") return invalidOptions(told);
  if (submission.completion == "column") {
    const level = member(submission.metadata, "level");
    return level === null ? invalidTask("the column `level` is missing") : new Verdict(parseFloat(level));
  }
  return new Verdict(0.25);
}

run(new Plugin("errors", "0.1.0", "Gives no verdict, for each reason that there is."), verify);
