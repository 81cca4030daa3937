"""TRL's GRPO trainer on a model and tasks of `model.py`: `trl_step.py FOLDER STEPS [--paged]`. A line of JSON a step.

The settings are those of `beside_trl.py`: 32 prompts, 8 completions of 256 tokens each, bfloat16, no reference model, an
optimizer step over all 256, and a reward in which completions of a group differ, so that all of them are learnt from.
`--paged` samples by transformers' continuous batching.
"""

import json
import math
import pathlib
import sys
import time

started = time.time()

import torch
import transformers
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer


def reward(completions, **_):
    """`length` with `kind = "cosine"` of right answers: from 1 for none to 0.5 for 4,000 characters."""
    def of(length):
        return 0.5 + 0.5 * (1 + math.cos(math.pi * min(length / 4000, 1))) / 2
    return [of(len(completion)) for completion in completions]


class Times(transformers.TrainerCallback):
    def __init__(self):
        self.last = time.time()

    def on_step_end(self, args, state, control, **_):
        torch.cuda.synchronize()
        now = time.time()
        row = {"step": state.global_step, "seconds": now - self.last, "since_start": now - started}
        row["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        print(json.dumps(row), flush=True)
        self.last = now


def main() -> None:
    folder, steps = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    tasks = [json.loads(line) for line in (folder / "tasks.jsonl").open()]
    config = GRPOConfig(
        output_dir=str(folder / "trl"),
        model_init_kwargs={"dtype": "bfloat16"},
        bf16=True,
        num_generations=8,
        per_device_train_batch_size=32,
        gradient_accumulation_steps=8,
        max_completion_length=256,
        max_steps=steps,
        temperature=1.0,
        beta=0.0,
        learning_rate=1e-6,
        gradient_checkpointing=False,
        use_transformers_continuous_batching="--paged" in sys.argv,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        seed=0,
    )
    trainer = GRPOTrainer(
        model=str(folder),
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": task["prompt"]} for task in tasks]),
        callbacks=[Times()],
    )
    trainer.train()


if __name__ == "__main__":
    main()
