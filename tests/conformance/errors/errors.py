"""Gives no verdict, for each reason that there is."""

from gavel_plugin import Abstain, InternalError, InvalidOptions, InvalidTask, Submission, Verdict, verifier

ERRORS = {
    "invalid-task": InvalidTask,
    "abstain": Abstain,
    "internal-error": InternalError,
    "invalid-options": InvalidOptions,
}


@verifier(name="errors", version="0.1.0", summary="Gives no verdict, for each reason that there is.")
def verify(submission: Submission) -> Verdict:
    error = ERRORS.get(submission.completion)
    if error:
        raise error(f"told: {submission.reference or 'nothing'}")
    return Verdict(submission.require("level") if submission.completion == "column" else 0.25)
