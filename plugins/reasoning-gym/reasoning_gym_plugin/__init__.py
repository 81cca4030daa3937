"""reasoning-gym's scorers as a gavel plugin: the package's own `score_answer`, called as it comes, in the sandbox."""

from dataclasses import dataclass
from typing import Literal

from gavel_plugin import InternalError, InvalidTask, Submission, Verdict, excerpt, option, verifier

from reasoning_gym_plugin import stand_ins

stand_ins.install()

from reasoning_gym_plugin import guard, scorers  # noqa: E402 (reasoning-gym imports what is stood in for)
from reasoning_gym_plugin.answer import extracted  # noqa: E402
from reasoning_gym_plugin.entry import entry_of  # noqa: E402
from reasoning_gym_plugin.warm_up import SUBMISSIONS  # noqa: E402

guard.install()


@dataclass(frozen=True)
class Options:
    """What a reward file may say."""

    answer: Literal["tag", "tag-or-box", "whole"] = option(
        "tag",
        "What of the completion is the answer: the last `<answer>`, as reasoning-gym takes it; that, else the first `\\boxed{}`, else "
        "all of it, as NeMo Gym does; or all of it.",
    )


@verifier(
    name="reasoning-gym",
    version="0.1.0",
    summary="The scorers of reasoning-gym 0.1.25: what the task's own data set says that the answer is worth.",
    metrics=["extracted"],
)
def judge(submission: Submission, options: Options) -> Verdict:
    """Asks the scorer of the data set that the task is from."""
    entry = entry_of(submission)
    scorer = scorers.of(entry["metadata"]["source_dataset"])
    answer = extracted(submission.completion, options.answer)
    metrics = {"extracted": 0.0 if answer is None else 1.0}
    stand_ins.used.clear()
    try:
        score = float(scorer(answer, entry))
    except Exception as error:
        # Some scorers raise for what they cannot read. That is the answer's fault, unless they raise for the right one too.
        _must_judge(scorer, entry)
        said = f"the scorer cannot read {_shown(answer)}: {type(error).__name__}: {error}"
        return Verdict(0.0, excerpt(said, 200), metrics)
    if stand_ins.used:
        raise InternalError(f"the scorer asked for {', '.join(sorted(stand_ins.used))}, which the sandbox does not have")
    return Verdict(score, f"{_shown(answer)} scores {score:g}", metrics)


def _must_judge(scorer, entry: dict) -> None:
    try:
        scorer(entry["answer"], entry)
    except Exception as error:
        name = entry["metadata"]["source_dataset"]
        raise InvalidTask(f"this is no entry of `{name}`: its scorer raises {type(error).__name__}: {error}") from None


def _shown(answer: str | None) -> str:
    return "no answer" if answer is None else f"`{excerpt(answer)}`"


# SymPy's caches and the compiled regular expressions are in the snapshot, and not made for every submission.
for _submission in SUBMISSIONS:
    judge(_submission, Options())
