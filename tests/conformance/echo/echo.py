"""Says what it was given."""

from dataclasses import dataclass

from gavel_plugin import Submission, Verdict, verifier


@dataclass(frozen=True)
class Options:
    tag: str = ""


@verifier(
    name="echo",
    version="0.1.0",
    summary="Says what it was given.",
    metrics=["prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes"],
)
def verify(submission: Submission, options: Options) -> Verdict:
    def shown(text: str | None) -> str:
        return "<none>" if text is None else f"[{text}]"

    completion, reference = submission.completion.encode(), submission.reference
    reason = f"[{submission.prompt}][{submission.completion}]{shown(reference)}"
    reason += f"{shown(submission.metadata.get('note'))}[{options.tag}]"
    return Verdict(
        1.0,
        reason if len(reason) <= 1000 else "large",
        {
            "prompt_bytes": len(submission.prompt.encode()),
            "completion_bytes": len(completion),
            "completion_sum": sum(completion),
            "reference_bytes": -1 if reference is None else len(reference.encode()),
        },
    )
