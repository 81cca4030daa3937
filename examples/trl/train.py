"""GRPO by TRL on sums, with gavel's reward; `python train.py MODEL` names another model."""

import sys
from pathlib import Path

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from gavel_rl.trl import reward_func

sums = [(left, right) for left in range(2, 34) for right in range(2, 34)]
prompt = "What is {} + {}? Put the answer into \\boxed{{}}."
trainer = GRPOTrainer(
    model=sys.argv[1] if len(sys.argv) > 1 else "Qwen/Qwen2.5-0.5B-Instruct",
    reward_funcs=reward_func(Path(__file__).with_name("reward.toml")),
    train_dataset=Dataset.from_list(
        [
            {"prompt": [{"role": "user", "content": prompt.format(left, right)}], "solution": str(left + right)}
            for left, right in sums
        ]
    ),
    args=GRPOConfig(
        output_dir="run", max_steps=20, num_generations=8, per_device_train_batch_size=8, max_completion_length=64,
        use_cpu=not torch.cuda.is_available(),
    ),
)
trainer.train()
