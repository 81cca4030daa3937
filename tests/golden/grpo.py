"""Golden values for `crates/gavel-train`: GRPO's advantages and loss from TRL, AdamW and gradient clipping from torch.

    python -m venv venv && venv/bin/pip install torch trl==1.16 && venv/bin/python tests/golden/grpo.py

The loss, its gradient and its metrics come from TRL's own `GRPOTrainer._compute_loss`, called on a stand-in for the
trainer that returns given log-probabilities. TRL computes advantages in the middle of a method that also generates,
so its ten lines are written out here around its own `nanstd`. Everything is in float64.
"""

import itertools
import json
import types
from collections import defaultdict
from pathlib import Path

import torch
import trl
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import nanstd

torch.set_default_dtype(torch.float64)
NAN = float("nan")


def advantages(rewards, scale):
    """trl/trainer/grpo_trainer.py, `_generate_and_score_completions`, `sum_then_normalize`."""
    num_generations = rewards.shape[1]
    rewards = rewards.view(-1)
    mean = torch.nanmean(rewards.view(-1, num_generations), dim=1).repeat_interleave(num_generations, dim=0)
    if scale == "batch":
        std = nanstd(rewards).expand_as(rewards)
    else:
        std = nanstd(rewards.view(-1, num_generations), dim=1).repeat_interleave(num_generations, dim=0)
    result = rewards - mean
    if scale != "none":
        result = result / (std + 1e-4)
    zero = torch.isclose(std, torch.zeros_like(std))
    return torch.nan_to_num(result, nan=0.0).view(-1, num_generations), zero.double().mean().item()


def advantage_cases():
    rewards = torch.tensor(
        [
            [1.0, 0.0, 0.0, 1.0],
            [0.5, 0.5, 0.5, 0.5],
            [1.1, NAN, 0.1, 0.0],
            [NAN, NAN, NAN, NAN],
            [NAN, 0.7, NAN, NAN],
            [0.3, -2.0, 10.0, 0.25],
        ]
    )
    cases = []
    for scale in ["group", "batch", "none"]:
        result, zero = advantages(rewards, scale)
        cases.append({"scale_rewards": scale, "advantages": result.tolist(), "frac_reward_zero_std": zero})
    return {"rewards": [[None if r != r else r for r in row] for row in rewards.tolist()], "cases": cases}


class StandIn:
    """What `_compute_loss` asks of a trainer."""

    def __init__(self, log_probs, entropies, options):
        self.log_probs = log_probs
        self.entropies = entropies
        self.model = types.SimpleNamespace(training=True)
        self.accelerator = types.SimpleNamespace(
            num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x, sync_gradients=True,
            pad_across_processes=lambda x, dim, pad_index: x,
        )  # fmt: skip
        self.loss_type = options["loss_type"]
        self.importance_sampling_level = options["importance_sampling_level"]
        self.epsilon_low = options["epsilon"]
        self.epsilon_high = options["epsilon_high"]
        self.beta = options["beta"]
        self.max_completion_length = options["max_completion_length"]
        self.args = types.SimpleNamespace(
            delta=options["delta"],
            use_bias_correction_kl=options["use_bias_correction_kl"],
            steps_per_generation=options["steps_per_generation"],
            sapo_temperature_pos=1.0,
            sapo_temperature_neg=1.05,
            vespo_k_pos=2.0,
            vespo_lambda_pos=3.0,
            vespo_k_neg=3.0,
            vespo_lambda_neg=2.0,
        )
        self.current_gradient_accumulation_steps = 1
        self.top_entropy_quantile = options.get("top_entropy_quantile", 1.0)
        self.entropy_coef = options.get("entropy_coef", 0.0)
        self.use_adaptive_entropy = False
        self.off_policy_mask_threshold = options.get("off_policy_mask_threshold")
        self.use_vllm = False
        self.aux_loss_enabled = False
        self._entropy_bonus_enabled = self.entropy_coef != 0.0
        self._metrics = {"train": defaultdict(list)}

    get_gamma_weights = staticmethod(GRPOTrainer.get_gamma_weights)
    get_off_policy_mask = staticmethod(GRPOTrainer.get_off_policy_mask)
    get_high_entropy_mask = GRPOTrainer.get_high_entropy_mask

    def _get_per_token_logps_and_entropies(self, *_, **__):
        return self.log_probs, self.entropies, None


def batch(completions=6, tokens=7):
    generator = torch.Generator().manual_seed(0)
    random = lambda scale: scale * torch.randn(completions, tokens, generator=generator)
    old = -random(1.0).abs()
    lengths = torch.tensor([7, 1, 4, 0, 6, 3])
    return {
        "log_probs": old + random(0.4),
        "old_log_probs": old,
        "reference_log_probs": old + random(0.3),
        "advantages": torch.tensor([1.3, -0.8, -1.6, 0.9, 0.0, 0.4]),
        "mask": (torch.arange(tokens) < lengths[:, None]).double(),
    }


def loss_case(data, options):
    log_probs = data["log_probs"].clone().requires_grad_()
    on_policy = options["on_policy"]
    inputs = {
        "prompt_ids": torch.zeros(len(log_probs), 1),
        "prompt_mask": torch.ones(len(log_probs), 1),
        "completion_ids": torch.zeros_like(log_probs),
        "completion_mask": data["mask"],
        "advantages": data["advantages"],
        "old_per_token_logps": None if on_policy else data["old_log_probs"],
        "ref_per_token_logps": data["reference_log_probs"],
        "num_items_in_batch": torch.tensor(options["generation_tokens"]),
    }
    entropies = data.get("entropies", torch.zeros_like(log_probs)).clone().requires_grad_()
    trainer = StandIn(log_probs, entropies, options)
    loss = GRPOTrainer._compute_loss(trainer, None, inputs)
    loss.backward()
    metrics = {name: values[0] for name, values in trainer._metrics["train"].items() if name != "entropy"}
    case = {"options": options, "loss": loss.item(), "gradient": log_probs.grad.tolist(), "metrics": metrics}
    if entropies.grad is not None:
        case["entropy_gradient"] = entropies.grad.tolist()
    return case


def loss_cases():
    data = batch()
    cases = []
    for loss_type, level, (delta, beta, correction), on_policy in itertools.product(
        ["grpo", "dr_grpo", "dapo", "bnpo"],
        ["token", "sequence"],
        [(None, 0.0, True), (1.5, 0.04, True), (None, 0.04, False)],
        [False, True],
    ):
        # The generation batch is twice the optimiser's batch, as with steps_per_generation = 2.
        options = {
            "loss_type": loss_type,
            "importance_sampling_level": level,
            "epsilon": 0.2,
            "epsilon_high": 0.28,
            "delta": delta,
            "beta": beta,
            "use_bias_correction_kl": correction,
            "max_completion_length": 9,
            "steps_per_generation": 2,
            "generation_tokens": 45.0,
            "on_policy": on_policy,
        }
        cases.append(loss_case(data, options))
    return {"batch": {name: value.tolist() for name, value in data.items()}, "cases": cases}


def adamw_case():
    """Five steps of torch.optim.AdamW on two tensors, gradients clipped to norm 1, learning rate from a cosine."""
    generator = torch.Generator().manual_seed(2)
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in [(3, 2), (4,)]]
    start = [p.tolist() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.1)
    steps = []
    for step in range(5):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 / (1 + step)
        gradients = [torch.randn(p.shape, generator=generator) for p in parameters]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        steps.append(
            {
                "learning_rate": 1e-2 / (1 + step),
                "gradients": [g.tolist() for g in gradients],
                "gradient_norm": norm.item(),
                "parameters": [p.tolist() for p in parameters],
            }
        )
    return {"betas": [0.9, 0.98], "eps": 1e-8, "weight_decay": 0.1, "start": start, "steps": steps}


def schedule_cases():
    from transformers import get_scheduler

    cases = []
    for name in ["constant", "constant_with_warmup", "linear", "cosine"]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = get_scheduler(name, optimizer, num_warmup_steps=3, num_training_steps=10)
        rates = []
        for _ in range(10):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        cases.append({"lr_scheduler_type": name, "warmup_steps": 3, "steps": 10, "factors": rates})
    return cases


if __name__ == "__main__":
    golden = {
        "made_by": f"tests/golden/grpo.py with trl {trl.__version__}, torch {torch.__version__}",
        "advantages": advantage_cases(),
        "loss": loss_cases(),
        "adamw": adamw_case(),
        "schedules": schedule_cases(),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":"), allow_nan=False) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")
