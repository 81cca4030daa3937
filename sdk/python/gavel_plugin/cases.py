"""Runs a plugin's `cases.jsonl` in this Python: no sandbox, no limits, but a debugger at hand."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Optional, Sequence

from gavel_plugin.plugin import Plugin, the_plugin
from gavel_plugin.submission import Abstain, Error, InvalidOptions, InvalidTask

_STATUS = {InvalidOptions: "invalid-options", InvalidTask: "invalid-task", Abstain: "abstained"}

# What only a sandbox can bring about.
_LIMITS = {"out-of-fuel", "deadline", "out-of-memory", "trap", "output-too-large"}


def run(source: Path, cases: Path, paths: Sequence[Path]) -> int:
    """Prints each case that goes another way; returns the exit code."""
    sys.path[:0] = [str(path) for path in (source.resolve().parent, *paths)]
    importlib.import_module(source.stem)
    plugin, passed, failed, skipped = the_plugin(), 0, 0, 0
    for number, line in enumerate(cases.read_text().splitlines(), 1):
        if not line.strip():
            continue
        case = json.loads(line)
        if _needs_sandbox(case):
            skipped += 1
            continue
        difference = check(plugin, case)
        if difference is None:
            passed += 1
        else:
            failed += 1
            print(f"{cases}:{number}: {case['name']}: {difference}")
    print(f"{passed} passed, {failed} failed, {skipped} need the sandbox")
    return 1 if failed else 0


def _needs_sandbox(case: dict[str, Any]) -> bool:
    return any(name in _LIMITS for name in _statuses(case.get("expect", {})))


def _statuses(expect: dict[str, Any]) -> list[str]:
    """The statuses that are all right."""
    status = expect.get("status", "verdict")
    return [status] if isinstance(status, str) else status


# The columns of a case that are no metadata of its task.
_OWN = {"name", "prompt", "completion", "reference", "options", "expect", "metadata"}


def _metadata(case: dict[str, Any]) -> dict[str, Any]:
    """The task's other columns: those of `metadata` and those beside it, as the sandbox reads them."""
    columns = {**case.get("metadata", {}), **{name: value for name, value in case.items() if name not in _OWN}}
    if isinstance(case.get("reference"), list):
        columns["reference"] = case["reference"]  # told from its text, which may mean something else
    return columns


def _reference(case: dict[str, Any]) -> Optional[str]:
    reference = case.get("reference")
    return reference if reference is None or isinstance(reference, str) else json.dumps(reference)


def check(plugin: Plugin, case: dict[str, Any]) -> Optional[str]:
    """What differs between a case and what the plugin says of it."""
    if "expect" not in case:
        return "it has no `expect` yet; `gavel plugin test --bless` writes what comes"
    expect = case["expect"]
    wanted = _statuses(expect)
    try:
        verdict = plugin.judge(
            case["completion"],
            _reference(case),
            prompt=case.get("prompt", ""),
            metadata_json=json.dumps(_metadata(case)),
            options_json=json.dumps(case.get("options", {})),
        )
    except Error as error:
        status = _STATUS.get(type(error), "internal-error")
        if status not in wanted:
            return f"expected {' or '.join(wanted)}, found {status}: {error}"
        reason = str(error)
    else:
        if "verdict" not in wanted:
            return f"expected {' or '.join(wanted)}, found the reward {verdict.reward}: {verdict.reason}"
        if "reward" in expect and abs(expect["reward"] - verdict.reward) > 1e-9:
            return f"expected the reward {expect['reward']}, found {verdict.reward}: {verdict.reason}"
        for name, value in expect.get("metrics", {}).items():
            if abs(value - verdict.metrics.get(name, float("inf"))) > 1e-9:
                return f"expected {name} = {value}, found {verdict.metrics.get(name)}"
        reason = verdict.reason or ""
    part = expect.get("reason_contains", "")
    return None if part in reason else f"the reason lacks {part!r}: {reason}"
