"""Does the plugin say what reasoning-gym says? Scores the answers of `golden.jsonl.gz`, and compares number by number.

    python plugins/reasoning-gym/tests/parity.py --gavel target/release/gavel
    PYTHONPATH=sdk/python:plugins/reasoning-gym:.gavel/tools/reasoning-gym python plugins/reasoning-gym/tests/parity.py --native

`--native` calls the plugin's function in this Python, stand-ins and all, for debugging. `golden.py` writes the file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
GOLDEN = Path(__file__).with_name("golden.jsonl.gz")
#: Left out by name, with a word why, in `reasoning_gym_plugin/scorers.py`.
LEFT_OUT = {"codeio", "rubiks_cube"}


def main() -> int:
    """Compares all; returns 1 where a score differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gavel", type=Path, default=Path("target/release/gavel"))
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of the answers after an entry's own, every Nth alone")
    arguments = parser.parse_args()
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as lines:
        golden = [json.loads(line) for line in lines]
    rows = [
        (row["name"], row_of(row["entry"], answer), score)
        for row in golden
        for index, (answer, score) in enumerate(row["answers"])
        if index < 2 or index % arguments.every == 0
    ]
    found = native(rows) if arguments.native else sandboxed(arguments.gavel, rows)
    different, counted = Counter(), Counter()
    for (name, row, wanted), (status, reward, reason) in zip(rows, found, strict=True):
        counted[name] += 1
        if name in LEFT_OUT:
            right = status == "invalid-task"
        else:
            # A scorer that raises for an answer: the answer is worth nothing.
            # Python 3.12 adds floats up more exactly, and `exp` is another library's: the last bit may differ.
            right = status == "verdict" and math.isclose(reward, wanted or 0.0, rel_tol=1e-12)
        if not right:
            different[name] += 1
            print(f"{name}: package {wanted}, plugin {status} {reward} ({reason}): {row['completion'][:120]!r}")
    judged = sum(count for name, count in counted.items() if name not in LEFT_OUT)
    print(f"{judged - different.total()} of {judged} scores as reasoning-gym's, of {len(counted) - len(LEFT_OUT)} data sets")
    return 1 if different else 0


def row_of(entry: dict, answer: str | None) -> dict:
    completion = "I give up." if answer is None else f"<think>Hm.</think>\n<answer>{answer}</answer>"
    return {"prompt": entry["question"], "completion": completion, "answer": entry["answer"], "metadata": entry["metadata"]}


def sandboxed(gavel: Path, rows: list) -> Iterator[tuple]:
    with tempfile.TemporaryDirectory() as folder:
        reward, tasks = Path(folder, "reward.toml"), Path(folder, "tasks.jsonl")
        reward.write_text(
            f'[verifiers.rg]\nplugin = "{FOLDER}"\n'
            'limits = { fuel = 20_000_000_000, memory = "512MiB", timeout = "30s" }\n[reward]\nformula = "rg"\n'
        )
        tasks.write_text("".join(json.dumps(row) + "\n" for _, row, _ in rows))
        scored = subprocess.run(
            [gavel, "--quiet", "score", "--reward", reward, tasks], check=True, capture_output=True, text=True
        )
    for line in scored.stdout.splitlines():
        outcome = json.loads(line)["outcomes"]["rg"]
        yield outcome["status"], outcome.get("reward"), outcome.get("reason")


def native(rows: list) -> Iterator[tuple]:
    from gavel_plugin import Error
    from reasoning_gym_plugin import judge

    for _, row, _ in rows:
        columns = {"answer": row["answer"], **row["metadata"]}
        try:
            verdict = judge.judge(row["completion"], prompt=row["prompt"], metadata_json=json.dumps(columns))
            yield "verdict", verdict.reward, verdict.reason
        except Error as error:
            yield "invalid-task" if type(error).__name__ == "InvalidTask" else type(error).__name__, None, str(error)


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
