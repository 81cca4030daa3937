"""What fits one card: a step of each of RUNS, as a table of time and memory: `fits.py --gavel PATH [NAME ...]`.

Weights are random (`model.py`), so completions are as long as they may be, and rewards differ within every group, so that
every row is learnt from. Each run has three steps, or one where that is long; the last is shown. Needs torch, transformers
and a card.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REWARD = """[verifiers.length]
plugin = "length"
options = { kind = "cosine", max_len = 200000, unit = "characters" }
"""

# Name: shape, prompts, completions of each, tokens of each completion, steps, and other settings.
RUNS = {
    "0.5B, all parameters": ("0.5b", 32, 8, 1024, 3, {}),
    "1.5B, all parameters": ("1.5b", 32, 8, 1024, 3, {}),
    "4B, all parameters": ("4b", 32, 8, 1024, 2, {"gradient_checkpointing": True, "max_num_seqs": 128}),
    "0.5B, 32,768 tokens": ("0.5b", 1, 2, 32640, 1, {"gradient_checkpointing": True}),
    "8B, LoRA of rank 16": ("8b", 2, 8, 8192, 1, {"lora_r": 16, "gradient_checkpointing": True, "learning_rate": 1e-5}),
}


def step(arguments, name: str, model: pathlib.Path, folder: pathlib.Path) -> dict:
    _, prompts, completions, length, steps, other = RUNS[name]
    reward = folder / "reward.toml"
    reward.write_text(REWARD)
    settings = {
        "model": model, "tasks": model / "tasks.jsonl", "reward": reward, "output_dir": folder / "run",
        "num_generations": completions, "generation_batch_size": prompts * completions,
        "per_device_train_batch_size": prompts * completions, "max_completion_length": length, "max_steps": steps,
        "temperature": 1.0, "learning_rate": 1e-6, "log_completions": False, **other,
    }  # fmt: skip
    file = folder / "train.toml"
    text = (f"{key} = {json.dumps(value, default=str)}\n" for key, value in settings.items())
    file.write_text("".join(text))
    metrics, log = folder / "run" / "metrics.jsonl", folder / "log"
    rows: list[str] = []
    with log.open("w") as output:
        process = subprocess.Popen([arguments.gavel, "train", str(file), "--device", "cuda"], stdout=output, stderr=output)
        while process.poll() is None and len(rows) < steps:
            time.sleep(0.1)
            rows = metrics.read_text().splitlines() if metrics.exists() else []
        # The checkpoint that comes then is not what is measured.
        process.kill()
        process.wait()
    if len(rows) < steps:
        print(log.read_text()[-2000:], file=sys.stderr)
        return {}
    return json.loads(rows[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gavel", required=True)
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(RUNS))
    arguments = parser.parse_args()
    print("| | completions | tokens each | seconds a step | sampling | learning | peak, GiB |\n|---|---|---|---|---|---|---|")
    for name in arguments.names or RUNS:
        shape, prompts, completions, *_ = RUNS[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            model = folder / "model"
            model.mkdir()
            subprocess.run([sys.executable, HERE / "model.py", shape, model], check=True)
            row = step(arguments, name, model, folder)
        if not row:
            print(f"| {name} | failed | | | | | |", flush=True)
            continue
        length, peak = row["completions/mean_length"], row["memory/peak_allocated_gib"]
        times = [row["step_time"], row["time/sample"], row["time/loss"]]
        shown = " | ".join(f"{seconds:.2f}" for seconds in times)
        print(f"| {name} | {prompts} × {completions} | {length:.0f} | {shown} | {peak:.1f} |", flush=True)


if __name__ == "__main__":
    main()
