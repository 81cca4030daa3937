"""What verifiers are measured against: Math-Verify in its own process, and a fresh CPython for every program.

Reads one JSON object a line on standard input and answers each with a line on standard output:

    {"gold": "...", "pred": "...", "config": {...}}   ->  {"verdict": true, "seconds": 0.0009}
    {"program": "..."}                                ->  {"passed": true, "seconds": 0.019}

`config` is what a row of Math-Verify's own tests says of its set-up; without one, its defaults hold.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time


def judge(row):
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    config = row.get("config") or {}
    kinds = config.get("extract", ["latex", "expr"])
    priority = config.get("boxed_match_priority", 50)
    targets = []
    if "latex" in kinds:
        targets.append(LatexExtractionConfig(boxed_match_priority=priority))
    if "expr" in kinds:
        targets.append(ExprExtractionConfig())
    started = time.perf_counter()
    gold = parse(row["gold"], targets)
    pred = parse(row["pred"], targets)
    verdict = verify(
        gold,
        pred,
        float_rounding=config.get("float_rounding", 6),
        strict=config.get("strict", True),
        allow_set_relation_comp=config.get("allow_set_relation_comp", False),
    )
    return {"verdict": verdict, "seconds": time.perf_counter() - started}


def run(row):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "program.py")
        with open(file, "w", encoding="utf-8") as out:
            out.write(row["program"])
        started = time.perf_counter()
        try:
            ended = subprocess.run([sys.executable, file], cwd=folder, capture_output=True, timeout=10, check=False)
            passed = ended.returncode == 0
        except subprocess.TimeoutExpired:
            passed = False
        return {"passed": passed, "seconds": time.perf_counter() - started}


def main():
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        row = json.loads(line)
        print(json.dumps(run(row) if "program" in row else judge(row)), flush=True)


if __name__ == "__main__":
    main()
