"""Runs a plugin's `cases.jsonl` in this Python: no sandbox, no limits, but a debugger at hand."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Optional, Sequence, Union

from gavel_plugin.plugin import GroupPlugin, Plugin, the_plugin
from gavel_plugin.submission import Abstain, Error, InvalidOptions, InvalidTask, Submission, Verdict

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
        difference = check_group(plugin, case) if "completions" in case else check(plugin, case)
        if difference is None:
            passed += 1
        else:
            failed += 1
            print(f"{cases}:{number}: {case['name']}: {difference}")
    print(f"{passed} passed, {failed} failed, {skipped} need the sandbox")
    return 1 if failed else 0


def _needs_sandbox(case: dict[str, Any]) -> bool:
    expect = case.get("expect", {})
    return any(name in _LIMITS for one in (expect if isinstance(expect, list) else [expect]) for name in _statuses(one))


def _statuses(expect: dict[str, Any]) -> list[str]:
    """The statuses that are all right."""
    status = expect.get("status", "verdict")
    return [status] if isinstance(status, str) else status


# The columns of a case that are no metadata of its task.
_OWN = {"name", "prompt", "completion", "completions", "reference", "options", "expect", "metadata"}


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
    try:
        said: Union[Verdict, Error] = plugin.judge(
            case["completion"],
            _reference(case),
            prompt=case.get("prompt", ""),
            metadata_json=json.dumps(_metadata(case)),
            options_json=json.dumps(case.get("options", {})),
        )
    except Error as error:
        said = error
    return _difference(case.get("expect"), said)


def check_group(plugin: Plugin, case: dict[str, Any]) -> Optional[str]:
    """As `check`, of a case with `completions`, each of which has its entry in `expect`."""
    if not isinstance(plugin, GroupPlugin):
        return "it has `completions`, and the plugin judges one at a time: give it a `completion`"
    members = [
        {**case, **(own if isinstance(own, dict) else {"completion": own})} for own in case["completions"]
    ]
    expected = case.get("expect") or [None] * len(members)
    if len(expected) != len(members):
        return f"`expect` has {len(expected)} entries, and there are {len(members)} completions"
    submissions = [
        Submission(it["completion"], it.get("prompt", ""), _reference(it), json.dumps(_metadata(it))) for it in members
    ]
    try:
        judged = plugin.judge_group(submissions, options_json=json.dumps(case.get("options", {})))
    except Error as error:
        judged = [error] * len(members)
    for place, (expect, said) in enumerate(zip(expected, judged), 1):
        difference = _difference(expect, said)
        if difference is not None:
            return f"completion {place}: {difference}"
    return None


def _difference(expect: Optional[dict[str, Any]], said: Union[Verdict, Error]) -> Optional[str]:
    if expect is None:
        return "it has no `expect` yet; `gavel plugin test --bless` writes what comes"
    wanted = _statuses(expect)
    if isinstance(said, Error):
        status = _STATUS.get(type(said), "internal-error")
        if status not in wanted:
            return f"expected {' or '.join(wanted)}, found {status}: {said}"
        reason = str(said)
    else:
        if "verdict" not in wanted:
            return f"expected {' or '.join(wanted)}, found the reward {said.reward}: {said.reason}"
        if "reward" in expect and abs(expect["reward"] - said.reward) > 1e-9:
            return f"expected the reward {expect['reward']}, found {said.reward}: {said.reason}"
        for name, value in expect.get("metrics", {}).items():
            if abs(value - said.metrics.get(name, float("inf"))) > 1e-9:
                return f"expected {name} = {value}, found {said.metrics.get(name)}"
        reason = said.reason or ""
    part = expect.get("reason_contains", "")
    return None if part in reason else f"the reason lacks {part!r}: {reason}"
