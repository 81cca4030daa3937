// Says the number that the reference is, and its bits.

import { Options, Plugin, Submission, Verdict, invalidTask, run } from "./.gavel/sdk/assemblyscript/gavel";

function parse(text: string): f64 {
  if (text == "inf") return Infinity;
  if (text == "-inf") return -Infinity;
  return parseFloat(text);
}

function verify(submission: Submission, options: Options): Verdict {
  const reference = submission.reference;
  if (reference === null) return invalidTask("no reference");
  const value = parse(reference);
  if (isNaN(value) && reference != "nan") return invalidTask('"' + reference + '" is no number');
  const bits = reinterpret<u64>(value);
  return new Verdict(value)
    .metric("value", value)
    .metric("high", <f64>(bits >> 32))
    .metric("low", <f64>(bits & 0xffffffff));
}

const plugin = new Plugin("floats", "0.1.0", "Says the number that the reference is, and its bits.");

run(plugin.says(["value", "high", "low"]), verify);
