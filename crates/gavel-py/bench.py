"""Measures `Reward.score` beside Math-Verify, in one process, on the same completions.

    python crates/gavel-py/bench.py .../gsm8k/model_solutions.jsonl

with `gavel_rl` and `math_verify` at hand. The completions are those of the file, with the last number of each put into
\\boxed{}, over and over up to 10,000; Math-Verify judges the first 2,000 of them, for it takes its time.
"""

import json
import re
import sys
import time
from pathlib import Path

from math_verify import parse, verify

from gavel_rl import Reward

COUNT, OF_PEER, ROUNDS = 10_000, 2_000, 5


def boxed(text: str) -> str:
    return re.sub(r"(?s)(-?[\d,]*\.?\d+)(?!.*\d)", lambda number: rf"\boxed{{{number[1]}}}", text)


def main() -> None:
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    rows = [rows[place % len(rows)] for place in range(COUNT)]
    completions, references = [boxed(row["completion"]) for row in rows], [row["gold"] for row in rows]

    reward = Reward.from_dict({"reward": {"formula": "math"}, "verifiers": {"math": {"plugin": "math"}}})
    ours, theirs, processor, of_peer_processor = [], [], [], []
    for _ in range(ROUNDS):
        started, spent = time.perf_counter(), time.process_time()
        scores = reward.score(completions=completions, reference=references)
        ours.append(COUNT / (time.perf_counter() - started))
        processor.append((time.process_time() - spent) / COUNT * 1e6)

        started, spent = time.perf_counter(), time.process_time()
        peer = [
            verify(parse(f"${reference}$"), parse(completion))
            for completion, reference in zip(completions[:OF_PEER], references)
        ]
        theirs.append(OF_PEER / (time.perf_counter() - started))
        of_peer_processor.append((time.process_time() - spent) / OF_PEER * 1e6)
    agree = sum((score.reward == 1) == bool(said) for score, said in zip(scores, peer))
    best, of_peer = max(ours), max(theirs)
    print(f"gavel        {best:8.0f}/s   ({', '.join(f'{rate:.0f}' for rate in ours)})")
    print(f"             {min(processor):8.1f} microseconds of processor time each, of all threads")
    print(f"Math-Verify  {of_peer:8.0f}/s   ({', '.join(f'{rate:.0f}' for rate in theirs)})")
    print(f"             {min(of_peer_processor):8.1f} microseconds of processor time each")
    print(f"{best / of_peer:.1f} times as fast; they agree on {agree} of {OF_PEER}")


if __name__ == "__main__":
    main()
