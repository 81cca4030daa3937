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
_LIMITS = {"out-of-fuel", "deadline", "out-of-memory", "trapped", "output-too-large"}


def run(source: Path, cases: Path, paths: Sequence[Path]) -> int:
    """Prints each case that goes another way; returns the exit code."""
    sys.path[:0] = [str(path) for path in (source.resolve().parent, *paths)]
    importlib.import_module(source.stem)
    plugin, passed, failed, skipped = the_plugin(), 0, 0, 0
    for number, line in enumerate(cases.read_text().splitlines(), 1):
        if not line.strip():
            continue
        case = json.loads(line)
        if case["expect"].get("status") in _LIMITS:
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


def check(plugin: Plugin, case: dict[str, Any]) -> Optional[str]:
    """What differs between a case and what the plugin says of it."""
    expect = case["expect"]
    wanted = expect.get("status", "verdict")
    try:
        verdict = plugin.judge(
            case["completion"],
            case.get("reference"),
            prompt=case.get("prompt", ""),
            metadata_json=json.dumps(case.get("metadata", {})),
            options_json=json.dumps(case.get("options", {})),
        )
    except Error as error:
        status = _STATUS.get(type(error), "internal-error")
        if status != wanted:
            return f"expected {wanted}, found {status}: {error}"
        reason = str(error)
    else:
        if wanted != "verdict":
            return f"expected {wanted}, found the reward {verdict.reward}: {verdict.reason}"
        if "reward" in expect and abs(expect["reward"] - verdict.reward) > 1e-9:
            return f"expected the reward {expect['reward']}, found {verdict.reward}: {verdict.reason}"
        for name, value in expect.get("metrics", {}).items():
            if abs(value - verdict.metrics.get(name, float("inf"))) > 1e-9:
                return f"expected {name} = {value}, found {verdict.metrics.get(name)}"
        reason = verdict.reason or ""
    part = expect.get("reason_contains", "")
    return None if part in reason else f"the reason lacks {part!r}: {reason}"
