// Breaks in every way that a plugin can break.

import { Options, Plugin, Submission, Verdict, run } from "./.gavel/sdk/assemblyscript/gavel";

let number: u64 = 1;

function spin(): void {
  while (number != 0) number = (number * 6364136223846793005) | 1;
}

const held: Uint8Array[] = [];

function bomb(): void {
  for (;;) held.push(new Uint8Array(1 << 20).fill(1));
}

function recurse(depth: u64): u64 {
  return recurse(depth + 1) + depth * number;
}

function verify(submission: Submission, options: Options): Verdict {
  if (submission.completion == "panic") throw new Error("as asked");
  if (submission.completion == "loop") spin();
  if (submission.completion == "bomb") bomb();
  if (submission.completion == "recurse") return new Verdict(<f64>recurse(1));
  return new Verdict(1);
}

run(new Plugin("faults", "0.1.0", "Breaks in every way that a plugin can break."), verify);
