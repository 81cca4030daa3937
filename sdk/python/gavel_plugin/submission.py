"""What a verifier is given, and what it says: the contract's words as Python types."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Mapping, Optional


class Error(Exception):
    """Why there is no verdict. A wrong answer is not an error: it is a verdict with a low reward."""


class InvalidOptions(Error):
    """The options are not what the plugin promises."""


class InvalidTask(Error):
    """The reference or the metadata is not what this verifier needs."""


class Abstain(Error):
    """The verifier cannot judge this submission; leave it out."""


class InternalError(Error):
    """The verifier failed."""


@dataclass(frozen=True)
class Submission:
    """One completion of one task."""

    completion: str
    """The text that the policy wrote."""
    prompt: str = ""
    """The prompt as the policy saw it, or the last user message of a chat."""
    reference: Optional[str] = None
    """The ground truth, when the task has one."""
    metadata_json: str = "{}"
    """The task's other columns as a JSON object; `metadata` reads it."""

    def require_reference(self) -> str:
        """The ground truth; raises `InvalidTask` where the task has none."""
        if self.reference is None:
            raise InvalidTask("`reference` is missing: this verifier compares the completion with it")
        return self.reference

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The task's other columns. It may gain keys: ignore those you do not know."""
        try:
            columns = json.loads(self.metadata_json or "{}")
        except ValueError as error:
            raise InvalidTask(f"`metadata` is not JSON: {error}") from None
        if not isinstance(columns, dict):
            raise InvalidTask("`metadata` is not a JSON object")
        return columns

    def require(self, column: str) -> Any:
        """One column of the task; raises `InvalidTask` where it is missing."""
        try:
            return self.metadata[column]
        except KeyError:
            raise InvalidTask(f"the column `{column}` is missing") from None


@dataclass(frozen=True)
class Verdict:
    """A judgement: the verifier understood the submission, and this is what it is worth."""

    reward: float
    """Finite. By custom 0 is wrong and 1 is right."""
    reason: Optional[str] = None
    """One line for a person: what was extracted and how it was compared."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Named numbers, all finite, each of the plugin's `metrics` once."""

    @classmethod
    def right_if(
        cls, right: bool, reason: Optional[str] = None, metrics: Optional[Mapping[str, float]] = None
    ) -> Verdict:
        """A reward of 1 where `right`, else of 0."""
        return cls(1.0 if right else 0.0, reason, metrics or {})


def excerpt(text: str, length: int = 80) -> str:
    """A text as one line of at most `length` characters that is safe to print."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: length + 1])
    return line if len(text) <= length else line[: length - 1] + "…"
