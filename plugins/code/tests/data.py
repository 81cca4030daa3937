"""Turns the shared data into rows for `gavel score`, and compares what came of them with what should.

    python3 data.py rows ../../../../shared/data > rows.jsonl
    gavel score --reward reward.toml rows.jsonl -o scored.jsonl
    python3 data.py compare scored.jsonl

`reward.toml` has one verifier, `code`, with `plugin = "code"` and `grant = ["interpreter"]`.
"""

import collections
import json
import statistics
import sys
from pathlib import Path


def rows(data: Path):
    for line in (data / "humaneval/HumanEval.jsonl").read_text().splitlines():
        row = json.loads(line)
        row["completion"] = row["canonical_solution"]
        yield row | {"group": "HumanEval", "expected": True}
    for row in json.loads((data / "mbpp/sanitized-mbpp.json").read_text()):
        row["completion"] = f"```python\n{row['code']}\n```"
        yield row | {"group": "sanitized MBPP", "expected": True}
    for line in (data / "code_cases/cases.jsonl").read_text().splitlines():
        row = json.loads(line)
        cheat = row["variant"].startswith("adversarial")
        yield {
            "task_id": row["id"],
            "prompt": "",
            "completion": f"```python\n{row['program']}\n```",
            "reference": json.dumps({"type": "assert", "tests": row["tests"]}),
            "outcome": row["outcome"],
            "group": "cheats" if cheat else "code_cases",
            "expected": row["cpython_passed"] and not cheat,
        }


def compare(lines):
    groups = collections.defaultdict(lambda: collections.Counter())
    times = collections.defaultdict(list)
    for line in lines:
        row = json.loads(line)
        outcome = row["outcomes"]["code"]
        metrics = outcome.get("metrics", {})
        way = "guarded" if metrics.get("guarded") else "rounds" if metrics.get("rounds") else "read here"
        agrees = outcome["status"] == "verdict" and (row["reward"] == 1) == row["expected"]
        groups[row["group"]][way] += 1
        groups[row["group"]]["agree" if agrees else "differ"] += 1
        times[row["group"]].append(outcome.get("ms", 0.0))
        if not agrees:
            print(f"{row['task_id']}: expected {row['expected']} ({row.get('outcome')}), {outcome}")
    for group, counts in groups.items():
        ms = sorted(times[group])
        print(f"{group}: {dict(counts)}, ms mean {statistics.mean(ms):.2f}, median {ms[len(ms) // 2]:.2f}, most {ms[-1]:.0f}")


if sys.argv[1] == "rows":
    for row in rows(Path(sys.argv[2])):
        print(json.dumps(row))
else:
    compare(open(sys.argv[2]))
