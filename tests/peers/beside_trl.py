"""A GRPO step of gavel beside one of TRL, in one run on one card: `beside_trl.py --gavel PATH [--shape 0.5b] [...]`.

Both get the same random model, prompts, batch and reward (`model.py`, `trl_step.py`), one after the other, each in a
process of its own. Prints a table. `--without-trl` leaves TRL out; `--slow LOOPS` adds a run of gavel whose verifier
counts that long for each completion, sampled with the step and a step ahead. Needs torch, transformers, and for its half trl and datasets.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REWARD = """[verifiers.length]
plugin = "length"
options = { kind = "cosine", max_len = 4000, unit = "characters" }
"""
SLOW = """
[verifiers.slow]
plugin = "slow.wasm"
limits = { fuel = 100000000000, timeout = "60s" }

[reward]
formula = "length + 0 * slow"
"""


def gavel_steps(arguments, folder: pathlib.Path, slow: bool, ahead: int = 0) -> tuple[list[dict], float]:
    """The rows of metrics.jsonl, and the seconds until the first was there."""
    run = folder / (f"slow-{ahead}" if slow else "gavel")
    reward = folder / ("slow.toml" if slow else "reward.toml")
    reward.write_text(REWARD + (SLOW if slow else ""))
    settings = {
        "model": folder, "tasks": folder / "tasks.jsonl", "reward": reward, "output_dir": run,
        "num_generations": 8, "generation_batch_size": 256, "per_device_train_batch_size": 32,
        "gradient_accumulation_steps": 8, "max_completion_length": arguments.length, "max_steps": arguments.steps,
        "temperature": 1.0, "beta": 0.0, "learning_rate": 1e-6, "logging_steps": 1, "save_steps": 1_000_000,
        "rollout_ahead": ahead,
    }
    file = folder / f"train-{run.name}.toml"
    file.write_text("".join(f"{key} = {json.dumps(value, default=str)}\n" for key, value in settings.items()))
    started, metrics = time.time(), run / "metrics.jsonl"
    command = [arguments.gavel, "train", str(file), "--device", arguments.device, "-j", str(arguments.jobs)]
    with (folder / f"{run.name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        first = None
        while process.poll() is None:
            if first is None and metrics.exists() and metrics.stat().st_size:
                first = time.time() - started
            time.sleep(0.01)
    if process.returncode:
        sys.exit((folder / f"{run.name}.log").read_text())
    return [json.loads(line) for line in metrics.open()], first or time.time() - started


def trl_steps(arguments, folder: pathlib.Path, *flags: str) -> list[dict]:
    command = [sys.executable, HERE / "trl_step.py", folder, str(arguments.steps), *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]


def row(name: str, seconds: list[float], first: float | None, peak: float | None) -> None:
    if not seconds:
        print(f"| {name} | failed | | |")
        return
    later = seconds[1:] or seconds
    shown = f"{statistics.median(later):.3f} ({min(later):.3f} to {max(later):.3f})"
    print(f"| {name} | {shown} | {first:.1f} | {'–' if peak is None else f'{peak:.1f}'} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gavel", required=True)
    parser.add_argument("--shape", default="0.5b")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--without-trl", action="store_true")
    parser.add_argument("--paged", action="store_true")
    parser.add_argument("--slow", type=int)
    parser.add_argument("--length", type=int, default=256, help="tokens of a completion at most; TRL's are 256")
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(arguments.folder or temporary)
        if not (folder / "config.json").exists():
            subprocess.run([sys.executable, HERE / "model.py", arguments.shape, folder], check=True)
        print(f"| 32 prompts × 8 completions, 128 + {arguments.length} tokens | seconds a step, median (range) | to the first step | peak, GiB |")
        print("|---|---|---|---|")
        steps, first = gavel_steps(arguments, folder, False)
        peak = steps[-1].get("memory/peak_allocated_gib")
        row("gavel", [step["step_time"] for step in steps], first, peak)
        print(json.dumps(steps[-1]), file=sys.stderr)
        if arguments.slow:
            plugin = [sys.executable, HERE / "slow_plugin.py", str(arguments.slow), folder / "slow.wasm"]
            subprocess.run(plugin, check=True)
            for ahead in (0, 1):
                steps, first = gavel_steps(arguments, folder, True, ahead)
                name = f"gavel, slow verifier, {arguments.jobs} threads, rollout_ahead = {ahead}"
                row(name, [step["step_time"] for step in steps], first, peak)
                print(json.dumps(steps[-1]), file=sys.stderr)
                later = steps[2:] or steps
                waited, worked = (sum(step[f"time/{name}"] for step in later) for name in ("score_wait", "score"))
                hidden = 1 - waited / (worked / arguments.jobs)
                print(
                    f"| its verifier works {worked / len(later):.2f} s a step, {100 * hidden:.1f} % of that over the "
                    "threads is hidden | | | |"
                )
        if not arguments.without_trl:
            for flags in [[], ["--paged"]] if arguments.paged else [[]]:
                rows = trl_steps(arguments, folder, *flags)
                peaks = [step["peak_gib"] for step in rows]
                since = rows[0]["since_start"] if rows else None
                name = " ".join(["TRL", *flags])
                row(name, [step["seconds"] for step in rows], since, peaks[-1] if peaks else None)


if __name__ == "__main__":
    main()
