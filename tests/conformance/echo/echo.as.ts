// Says what it was given.

import { Options, Plugin, Submission, Verdict, member, run, stringOption, text } from "./.gavel/sdk/assemblyscript/gavel";

function shown(text: string | null): string {
  return text === null ? "<none>" : "[" + text + "]";
}

function bytes(text: string | null): f64 {
  return text === null ? -1 : String.UTF8.byteLength(text);
}

function verify(submission: Submission, options: Options): Verdict {
  const all =
    shown(submission.prompt) + shown(submission.completion) + shown(submission.reference) +
    shown(text(member(submission.metadata, "note"))) + shown(options.string("tag"));
  const completion = Uint8Array.wrap(String.UTF8.encode(submission.completion));
  let sum: f64 = 0;
  for (let index = 0; index < completion.length; index++) sum += completion[index];
  return new Verdict(1)
    .because(all.length <= 1100 ? all : "large")
    .metric("prompt_bytes", bytes(submission.prompt))
    .metric("completion_bytes", completion.length)
    .metric("completion_sum", sum)
    .metric("reference_bytes", bytes(submission.reference));
}

const plugin = new Plugin("echo", "0.1.0", "Says what it was given.")
  .takes([stringOption("tag").defaultsTo('""')])
  .says(["prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes"]);

run(plugin, verify);
