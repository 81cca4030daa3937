"""Says the options that it was given."""

from dataclasses import dataclass
from typing import Literal

from gavel_plugin import Submission, Verdict, option, verifier


@dataclass(frozen=True)
class Options:
    limit: int = option(help="What the reward will be.", minimum=1)
    mode: Literal["soft", "hard"] = "soft"


@verifier(name="options", version="0.1.0", summary="Says the options that it was given.")
def verify(submission: Submission, options: Options) -> Verdict:
    return Verdict(options.limit, options.mode)
