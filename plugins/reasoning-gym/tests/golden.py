"""Writes `golden.jsonl.gz`: entries of every data set, answers right, wrong and malformed, and what the package says of them.

    python -m venv golden && golden/bin/pip install reasoning-gym==0.1.25
    golden/bin/python plugins/reasoning-gym/tests/golden.py

Entries are as JSON has them, and scores those of the entry as the package made it, so that what JSON loses is seen. A line is
an entry with its answers: `{"name", "entry", "answers": [[answer or null, score or null]]}`. A score of null: the scorer raises.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import signal
import sys
import warnings
from copy import deepcopy
from pathlib import Path

import reasoning_gym
from reasoning_gym.factory import DATASETS, get_score_answer_fn

GOLDEN = Path(__file__).with_name("golden.jsonl.gz")
ENTRIES, SEED = 3, 20261201
#: What a policy writes in place of an answer.
MALFORMED = [
    "", " ", "I do not know.", "0", "-1", "12", "3.14", "1/2", "1e5", "nan", "inf", "1,000", "[]", "[1, 2]", "[[0, 1], [1, 0]]",
    "{}", '{"a": 1}', "null", "true", "True", "No", "(1, 2)", "x", "x**2 + 1", "1 +", "1 2\n3 4", "1 2\n3", "A", "B2", "R" * 20,
    "🙂", "\u0661\u0662", "1_000", "Monday", "knight", "A=1,B=2", "F+1", "a,b,c", "(", "]", "'", '["w,A1,B2"]', "P ∨ Q",
]  # fmt: skip
#: For data sets whose own answers are many, and not in the entry: some that are right.
RIGHT = {
    "graph_color": lambda entry: json.dumps(entry["metadata"]["possible_answer"]),
    "propositional_logic": lambda entry: entry["metadata"]["example_answer"],
}


def main() -> None:
    warnings.simplefilter("ignore")
    lines, counts = [], {"entries": 0, "answers": 0}
    for name in sorted(DATASETS):
        if name == "composite":
            continue
        score = get_score_answer_fn(name)
        for entry in reasoning_gym.create_dataset(name, seed=SEED, size=ENTRIES):
            answers = [[answer, scored(score, answer, entry)] for answer in answers_of(name, entry)]
            lines.append(json.dumps({"name": name, "entry": entry, "answers": answers}, ensure_ascii=False))
            counts["entries"] += 1
            counts["answers"] += len(answers)
    with gzip.GzipFile(GOLDEN, "wb", mtime=0) as packed:
        packed.write("".join(f"{line}\n" for line in lines).encode())
    print(f"{GOLDEN}: {counts}, {GOLDEN.stat().st_size} bytes", file=sys.stderr)


def answers_of(name: str, entry: dict) -> list[str | None]:
    """The entry's own answer, near misses made of it, and what is no answer at all."""
    own = RIGHT.get(name, lambda entry: entry["answer"])(entry)
    own = own if isinstance(own, str) else str(own)
    draw = random.Random(f"{name} {own}")
    near = [
        f" {own}\n", own.upper(), own.lower(), own[::-1], own[:-1], own + own, f"{own}.", f"The answer is {own}", own.replace(" ", ""),
        re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), own, count=1),
        "".join(draw.sample(own, len(own))) if len(own) < 2000 else own[1:],
        "\n".join(draw.sample(own.splitlines(), len(own.splitlines()))),
        repr(own.split()), json.dumps(own.splitlines()), f"+{own}", f"0{own}", f"{own}.0", f"{own} + 0", f"({own})",
    ]  # fmt: skip
    # A line at most: an answer stands within a tag, and is stripped.
    tagged = [answer.strip() for answer in [own, *near, *draw.sample(MALFORMED, 12)]]
    return [None, *dict.fromkeys(tagged)]


def scored(score, answer: str | None, entry: dict) -> float | None:
    def too_long(*_):
        raise TimeoutError(f"{entry['metadata']}: {answer!r}")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60)
    try:
        return float(score(answer, deepcopy(entry)))
    except Exception as error:
        if isinstance(error, TimeoutError):
            raise
        return None
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    main()
