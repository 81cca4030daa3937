"""Turns the shared data into rows for `gavel score`, and compares what came of them with what should.

    python3 data.py rows ../../../../shared/data > rows.jsonl
    gavel score --reward reward.toml rows.jsonl -o scored.jsonl
    python3 data.py compare scored.jsonl

`data.py asserts SEED COUNT` makes rows of random assertions instead, to compare the plugin's Python with Python's.

`reward.toml` has one verifier, `code`, with `plugin = "code"` and `grant = ["interpreter"]`.
"""

import collections
import json
import re
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


def asserts(seed: int, count: int):
    """Assertions about a function that hands back its argument, with what Python makes of them."""
    import math
    import random
    import warnings

    warnings.simplefilter("ignore")
    dice = random.Random(seed)
    atoms = (
        "0 1 -1 2 3 7 True False None 0.0 -0.0 1.0 0.5 2.5 1e16 10**16 10**16+1 10**30 1e30 'a' 'b' '' 'ab' 'é' b'a' 1j "
        "(1+0j) 0.1+0.2 0.3"
    ).split()
    numbers = "0 1 -1 2 7 -7 3.5 -2.5 0.125 2.675 1.005 0.1 1e16 10**17 True".split()
    shapes = """f(A) == B;f(A) != B;f(A) < B;f(A) <= B;f(A) > B;f(A) in B;B in f(A);not f(A);f(A);len(f(A)) == N
sorted(f(A)) == B;set(f(A)) == set(B);abs(f(A) - X) < 1e-6;f(A)[0] == B;f(A)[-1] == B;f(A) + B == C;max(f(A)) == X
min(f(A), X) == X;round(f(X), 2) == Y;isinstance(f(A), (int, str));isinstance(f(A), list);sum(f(A)) == X
tuple(f(A)) == B;list(f(A)) == B;f(A) is None;f(A) is True;f(A) is not None;f(A) == B or f(C) == B;f(A) and f(B)
f(X) // Y == N;f(X) % Y == N;f(X) / Y == X;f(X) ** N == Y;-f(A) == X;f(A) * N == B;any(f(A));all(f(A));X < f(Y) <= X
math.isclose(f(X), Y);f(A) not in [B, C];bool(f(A)) == True;float(f(X)) == Y""".replace("\n", ";").split(";")

    def key(depth=0):
        if depth < 2 and dice.random() < 0.2:
            return "(" + "".join(key(depth + 1) + "," for _ in range(dice.randint(0, 3))) + ")"
        return dice.choice(atoms)

    def value(depth=0):
        if depth == 3 or dice.random() > 0.45:
            return dice.choice(atoms)
        items = range(dice.randint(0, 3))
        return dice.choice(
            [
                lambda: "[" + ",".join(value(depth + 1) for _ in items) + "]",
                lambda: "(" + "".join(value(depth + 1) + "," for _ in items) + ")",
                lambda: "{" + ",".join(key(depth + 1) for _ in items) + "}" if items else "set()",
                lambda: "{" + ",".join(key(depth + 1) + ":" + value(depth + 1) for _ in items) + "}",
            ]
        )()

    for _ in range(count):
        a = value()
        parts = {"A": a, "B": a if dice.random() < 0.5 else value(), "C": value(), "N": str(dice.randint(0, 4))}
        parts |= {"X": dice.choice(numbers), "Y": dice.choice(numbers)}
        text = re.sub(r"\b[ABCNXY]\b", lambda found: parts[found[0]], dice.choice(shapes))
        try:
            expected = bool(eval(text, {"f": lambda x: x, "math": math}))
        except Exception:
            expected = False
        yield {
            "task_id": text,
            "prompt": "",
            "completion": "def f(x):\n    return x",
            "reference": json.dumps({"type": "assert", "tests": f"import math\nassert {text}"}),
            "group": "asserts",
            "expected": expected,
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
elif sys.argv[1] == "asserts":
    for row in asserts(int(sys.argv[2]), int(sys.argv[3])):
        print(json.dumps(row))
else:
    compare(open(sys.argv[2]))
