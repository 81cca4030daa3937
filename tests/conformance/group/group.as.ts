// Says of each completion of a prompt how many are the same.

import {
  Options, Plugin, Submission, Verdict, abstain, invalidTask, runGroup, stringOption,
} from "./.gavel/sdk/assemblyscript/gavel";

function verify(submissions: Submission[], options: Options): Verdict[] {
  const size = submissions.length;
  const verdicts: Verdict[] = [];
  let all = false;
  for (let place = 0; place < size; place++) all = all || submissions[place].completion == "all";
  for (let place = 0; place < size; place++) {
    const submission = submissions[place];
    if (all) {
      verdicts.push(invalidTask("told by one"));
    } else if (submission.completion == "abstain") {
      verdicts.push(abstain("told by " + (place + 1).toString()));
    } else if (submission.completion != "lose") {
      let same: f64 = 0;
      for (let other = 0; other < size; other++) {
        if (submissions[other].completion == submission.completion) same += 1;
      }
      const given = submission.reference;
      const reference = given === null ? "<none>" : given;
      verdicts.push(
        new Verdict(same / size)
          .because(
            "[" + submission.prompt + "][" + reference + "][" + options.string("tag") + "] " +
            (place + 1).toString() + " of " + size.toString(),
          )
          .metric("same", same)
          .metric("size", size),
      );
    }
  }
  return verdicts;
}

runGroup(
  new Plugin("group", "0.1.0", "Says of each completion of a prompt how many are the same.")
    .takes([stringOption("tag").defaultsTo('""')])
    .says(["same", "size"]),
  verify,
);
