"""Hugging Face's Math-Verify as a gavel plugin: its own `parse` and `verify`, called as they come."""

import logging

from gavel_plugin import InvalidTask, Submission, Verdict, excerpt, verifier

from math_verify_plugin import ctypes_stand_in

ctypes_stand_in.install()

from math_verify import parse, verify  # noqa: E402 (SymPy imports ctypes)

from math_verify_plugin import bounds  # noqa: E402
from math_verify_plugin.options import Options  # noqa: E402
from math_verify_plugin.warm_up import PAIRS  # noqa: E402

# Math-Verify warns that its time limits are off. They are: the host limits a submission, and needs no signal for it.
logging.disable(logging.WARNING)

bounds.install()


@verifier(
    name="math-verify",
    version="0.1.0",
    summary="Hugging Face's Math-Verify 0.9.0: parses the answer and the reference and compares them with SymPy.",
    metrics=["extracted", "parsed"],
)
def judge(submission: Submission, options: Options) -> Verdict:
    """Compares what Math-Verify extracts from the completion with what it extracts from the reference."""
    if isinstance(submission.metadata.get("reference"), list):
        reference = excerpt(submission.require_reference())
        raise InvalidTask(f"`reference` ({reference}) is a list, and an answer is compared with one text: give that")
    try:
        gold = parse(options.form(submission.require_reference()), options.gold_targets(), parsing_timeout=None)
    except bounds.TooLarge:
        raise InvalidTask("`reference` holds a number that is too large to be worked out") from None
    if not gold:
        reference = excerpt(submission.require_reference())
        raise InvalidTask(
            f"Math-Verify reads nothing in `reference` ({reference}); if it is bare LaTeX, "
            "set the option `reference_form` to `latex`"
        )
    if bounds.is_nested_too_deeply(submission.completion):
        return Verdict(0.0, "the completion is nested too deeply to be read", {"extracted": 0.0, "parsed": 0.0})
    try:
        return _compared(submission.completion, gold, options)
    except bounds.TooLarge:
        # A completion must not choose to have no verdict.
        return Verdict(0.0, "a number is too large to be worked out", {"extracted": 1.0, "parsed": 0.0})


def _compared(completion: str, gold: list, options: Options) -> Verdict:
    answer = parse(
        completion,
        options.pred_targets(),
        fallback_mode=options.fallback_mode,
        extraction_mode=options.extraction_mode,
        parsing_timeout=None,
    )
    metrics = {"extracted": float(bool(answer)), "parsed": float(any(not isinstance(part, str) for part in answer))}
    if not answer:
        return Verdict(0.0, "nothing was extracted from the completion", metrics)
    equal = verify(
        gold,
        answer,
        float_rounding=options.precision,
        numeric_precision=options.numeric_precision,
        strict=options.strict,
        allow_set_relation_comp=options.allow_set_relation_comp,
        timeout_seconds=None,
    )
    reason = f"{_shown(answer)} {'equals' if equal else 'does not equal'} {_shown(gold)}"
    return Verdict.right_if(equal, reason, metrics)


def _shown(parsed: list) -> str:
    """The text that was extracted. Printing what SymPy made of it can take for ever."""
    texts = [part for part in parsed if isinstance(part, str)]
    return excerpt(texts[-1]) if texts else "(no text)"


# Grammar tables and caches fill up now, when the snapshot is taken, and not for every submission.
for _reference, _completion in PAIRS:
    for _options in (Options(), Options(boxed_match_priority=0)):
        judge(Submission(_completion, reference=_reference), _options)
