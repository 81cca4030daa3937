// Says two hundred numbers.

import { Options, Plugin, Submission, Verdict, run } from "./.gavel/sdk/assemblyscript/gavel";

const names = new Array<string>(200).map<string>((_, index) => "m" + index.toString().padStart(3, "0"));

function verify(submission: Submission, options: Options): Verdict {
  const verdict = new Verdict(0.5);
  for (let index = 0; index < names.length; index++) verdict.metric(names[index], <f64>index / 2);
  return verdict;
}

run(new Plugin("metrics", "0.1.0", "Says two hundred numbers.").says(names), verify);
