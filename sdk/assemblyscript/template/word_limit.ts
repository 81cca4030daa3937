// Judges length: the completion has at most `limit` words.

import { Options, Plugin, Submission, Verdict, integerOption, rightIf, run } from "./.gavel/sdk/assemblyscript/gavel";

function verify(submission: Submission, options: Options): Verdict {
  const limit = options.number("limit");
  let words = 0;
  let inside = false;
  for (let index = 0; index < submission.completion.length; index++) {
    const space = submission.completion.charCodeAt(index) <= 0x20;
    if (!space && !inside) words++;
    inside = !space;
  }
  return rightIf(words <= limit)
    .because(`${words} words, at most ${<i32>limit} allowed`)
    .metric("words", words);
}

const plugin = new Plugin("word-limit", "0.1.0", "The completion has at most `limit` words.")
  .takes([integerOption("limit").atLeast(0).describe("The most words.")])
  .says(["words"]);

run(plugin, verify);
