// Says the options that it was given.

import { Options, Plugin, Submission, Verdict, integerOption, run, stringOption } from "./.gavel/sdk/assemblyscript/gavel";

function verify(submission: Submission, options: Options): Verdict {
  return new Verdict(options.number("limit")).because(options.string("mode"));
}

const plugin = new Plugin("options", "0.1.0", "Says the options that it was given.").takes([
  integerOption("limit").atLeast(1).describe("What the reward will be."),
  stringOption("mode").oneOf(["soft", "hard"]).defaultsTo('"soft"'),
]);

run(plugin, verify);
