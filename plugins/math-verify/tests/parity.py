"""Does the plugin say what Math-Verify says? Scores labelled pairs with `gavel` and compares verdict by verdict.

    python plugins/math-verify/tests/parity.py --gavel target/release/gavel
    PYTHONPATH=.gavel/tools/math-verify python plugins/math-verify/tests/parity.py --gavel target/release/gavel --live

Without `--live` the verdicts are those that the data recorded of Math-Verify 0.9.0 on CPython 3.11; with it, those of
the Math-Verify that this Python imports (3.10 or later).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
DATA = FOLDER.parents[1].parent / "shared/data"


def main() -> int:
    """Compares every data set that is there; returns 1 where a verdict differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gavel", type=Path, default=Path("target/release/gavel"))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--live", action="store_true", help="ask the Math-Verify that this Python imports")
    arguments = parser.parse_args()
    differing = 0
    for name, read in (("math_verify_tests/cases.jsonl", own_tests), ("math_pairs/pairs.jsonl", pairs)):
        path = arguments.data / name
        if not path.exists():
            print(f"skipped: {path} is not there")
            continue
        cases = [read(json.loads(line)) for line in path.read_text().splitlines()]
        wanted = [native(case) if arguments.live else case["recorded"] for case in cases]
        found = sandboxed(arguments.gavel, cases)
        different = [index for index in range(len(cases)) if wanted[index] != found[index]]
        for index in different:
            print(f"{name}:{index + 1}: native {wanted[index]}, plugin {found[index]}: {cases[index]}")
        source = "asked now" if arguments.live else "recorded"
        print(f"{name}: {len(cases) - len(different)} of {len(cases)} verdicts as Math-Verify's ({source})")
        differing += len(different)
    return 1 if differing else 0


def own_tests(row: dict) -> dict:
    """A case of Math-Verify's own test suite."""
    config = row["config"]
    options = {
        "gold_extraction_target": config["extract"],
        "pred_extraction_target": config["extract"],
        "precision": config["float_rounding"],
        "strict": config["strict"],
        "allow_set_relation_comp": config["allow_set_relation_comp"],
    }
    if "boxed_match_priority" in config:
        options["boxed_match_priority"] = config["boxed_match_priority"]
    return {"gold": row["gold"], "pred": row["pred"], "options": options, "recorded": row["mv_verdict"]}


def pairs(row: dict) -> dict:
    """A pair of bare LaTeX and a completion."""
    options = {"reference_form": "latex"}
    return {"gold": row["gold"], "pred": row["pred"], "options": options, "recorded": row["mv_verdict"]}


def sandboxed(gavel: Path, cases: list) -> list:
    """What the plugin says of each case: whether it is right, or the status where there is no verdict."""
    groups: dict = {}
    for index, case in enumerate(cases):
        groups.setdefault(json.dumps(case["options"], sort_keys=True), []).append(index)
    found: list = [None] * len(cases)
    for options, indices in groups.items():
        with tempfile.TemporaryDirectory() as folder:
            reward, tasks = Path(folder) / "reward.toml", Path(folder) / "tasks.jsonl"
            reward.write_text(
                f'[verifiers.mv]\nplugin = "{FOLDER}"\noptions = {{ {toml(json.loads(options))} }}\n'
                'limits = { fuel = 20_000_000_000, memory = "512MiB", timeout = "30s" }\n'
                '[reward]\nformula = "mv"\n'
            )
            tasks.write_text("".join(task(cases[index]) for index in indices))
            scored = subprocess.run(
                [gavel, "--quiet", "score", "--reward", reward, tasks], check=True, capture_output=True, text=True
            )
        for index, line in zip(indices, scored.stdout.splitlines(), strict=True):
            outcome = json.loads(line)["outcomes"]["mv"]
            found[index] = outcome["reward"] == 1 if outcome["status"] == "verdict" else outcome["status"]
            # Math-Verify calls a reference that it cannot read unequal to everything.
            if outcome["status"] == "invalid-task":
                found[index] = False
    return found


def task(case: dict) -> str:
    """One line of `gavel score`'s input."""
    return json.dumps({"prompt": "", "completion": case["pred"], "reference": case["gold"]}) + "\n"


def toml(options: dict) -> str:
    """The inside of an inline table; JSON's strings, numbers, booleans and lists are TOML's too."""
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())


def native(case: dict) -> bool:
    """What Math-Verify says when it is called directly, with its own time limits."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    options = case["options"]
    gold = f"${case['gold']}$" if options.get("reference_form") == "latex" else case["gold"]
    latex = LatexExtractionConfig(boxed_match_priority=options.get("boxed_match_priority", 50))
    targets = {"latex": latex, "expr": ExprExtractionConfig()}
    config = [targets[name] for name in options.get("pred_extraction_target", ["latex", "expr"])]
    return verify(
        parse(gold, config),
        parse(case["pred"], config),
        float_rounding=options.get("precision", 6),
        strict=options.get("strict", True),
        allow_set_relation_comp=options.get("allow_set_relation_comp", False),
    )


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
