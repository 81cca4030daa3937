"""The entry of a data set, as reasoning-gym made it, from the columns that trainers keep it in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gavel_plugin import InvalidTask, Submission

#: Columns that hold an entry, or its metadata, in somebody's rows; each may be an object or its JSON.
HOLDERS = ("entry", "extra_info", "info", "reasoning_gym", "metadata", "verifier_metadata")

#: Data sets whose entries have no answer: theirs are many, and the scorers check each by the metadata.
WITHOUT_ANSWER = ("boxnet", "graph_color", "propositional_logic", "rush_hour")

#: Boards, which reasoning-gym has as tuples, and JSON as lists: its scorers compare them with tuples.
BOARDS = {"arc_agi": ("input", "output"), "rearc": ("input", "output")}


def entry_of(submission: Submission) -> dict[str, Any]:
    """`{"question", "answer", "metadata"}`; raises `InvalidTask` where the task has no such thing."""
    for holder, path in _holders(submission.metadata, ""):
        metadata = _object(holder.get("metadata")) or holder
        if "source_dataset" in metadata:
            return {
                "question": _first(holder.get("question"), submission.prompt),
                "answer": _answer(submission, holder, path, metadata["source_dataset"]),
                "metadata": _as_made(dict(metadata)),
            }
    raise InvalidTask(
        "no column holds an entry of reasoning-gym: its `metadata`, with `source_dataset`, as a column of the task, or the "
        f"whole entry as one of {', '.join(f'`{name}`' for name in HOLDERS)}"
    )


def _holders(columns: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The columns themselves, and the objects in them that may be an entry."""
    yield columns, path
    for name in HOLDERS:
        held = _object(columns.get(name))
        if held is not None:
            yield from _holders(held, f"{path}{name}.")


def _object(value: Any) -> Mapping[str, Any] | None:
    """An object, or one that is written as JSON, as tables without nested columns have it."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _answer(submission: Submission, holder: Mapping[str, Any], path: str, name: str) -> str | None:
    answer = _first(holder.get("answer"), submission.reference)
    if name in WITHOUT_ANSWER:
        return None
    if not isinstance(answer, str):
        raise InvalidTask(f"the task has neither `reference` nor a text as `{path}answer`, which the scorers compare with")
    return answer


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _as_made(metadata: dict[str, Any]) -> dict[str, Any]:
    for name in BOARDS.get(metadata["source_dataset"], ()):
        if isinstance(metadata.get(name), list):
            metadata[name] = tuple(tuple(row) for row in metadata[name])
    return metadata
