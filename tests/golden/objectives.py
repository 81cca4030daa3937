"""Golden values for the family of GRPO in `crates/gavel-train`: losses from TRL and verl, advantages and KL from verl.

    python -m venv venv && venv/bin/pip install torch trl==1.16 ray orjson omegaconf hydra-core tensordict codetiming \
        && venv/bin/pip install --no-deps verl==0.9.1 && venv/bin/python tests/golden/objectives.py

TRL's losses come from `GRPOTrainer._compute_loss` as in grpo.py, verl's from the functions that its registry has under
these names. MaxRL and GFPO are in neither: they
are their equations in numpy. Everything is in float64.
"""

import itertools
import json
from pathlib import Path

import numpy as np
import torch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo import core_algos
from verl.workers.config import ActorConfig, PolicyLossConfig

from grpo import batch, loss_case
from trl.trainer.utils import nanstd


def trl_cases(data):
    cases = []
    for loss_type, level, threshold in itertools.product(
        ["cispo", "sapo", "luspo", "vespo", "dapo"], ["token", "sequence"], [None, 0.05]
    ):
        options = {
            "loss_type": loss_type,
            "importance_sampling_level": level,
            "epsilon": 0.2,
            "epsilon_high": 1.3 if loss_type == "cispo" else 0.28,
            "delta": None,
            "beta": 0.04,
            "use_bias_correction_kl": True,
            "max_completion_length": 9,
            "steps_per_generation": 2,
            "generation_tokens": 45.0,
            "on_policy": False,
            "off_policy_mask_threshold": threshold,
        }
        case = loss_case(data, options)
        case["metrics"] = {}
        cases.append(case)
    return cases


def entropy_cases(data):
    """TRL's bonus for entropy, and its loss on the tokens of the highest entropies alone."""
    cases = []
    for loss_type, (coefficient, quantile, beta) in itertools.product(
        ["dapo", "grpo"], [(0.02, 1.0, 0.0), (-0.1, 0.22, 0.04), (0.0, 0.33, 0.0), (0.01, 0.33, 0.0)]
    ):
        options = {
            "loss_type": loss_type,
            "importance_sampling_level": "sequence" if quantile == 0.22 else "token",
            "epsilon": 0.2,
            "epsilon_high": 0.28,
            "delta": None,
            "beta": beta,
            "use_bias_correction_kl": False,
            "max_completion_length": 9,
            "steps_per_generation": 2,
            "generation_tokens": 45.0,
            "on_policy": False,
            "entropy_coef": coefficient,
            "top_entropy_quantile": quantile,
        }
        case = loss_case(data, options)
        case["metrics"] = {}
        cases.append(case)
    return cases


# Here, and what it is in verl's registry. verl's mean over tokens is `bnpo`; its geo_mean has a mean over completions.
# clip_cov draws at random among more candidates than it may leave out, so here it may leave out all of them.
VERL = [
    ("cispo_two_sided", "cispo", "bnpo", {}),
    ("dppo_tv", "dppo_tv", "bnpo", {}),
    ("dppo_kl", "dppo_kl", "bnpo", {}),
    ("gpg", "gpg", "bnpo", {}),
    ("gmpo", "geo_mean", "grpo", {}),
    ("clip_cov", "clip_cov", "bnpo", {"clip_cov_ratio": 1.0, "clip_cov_lb": 0.1, "clip_cov_ub": 5.0}),
    ("clip_cov", "clip_cov", "bnpo", {"clip_cov_ratio": 1.0, "clip_cov_lb": -0.3, "clip_cov_ub": 0.2}),
    ("clip_cov", "clip_cov", "bnpo", {"clip_cov_ratio": 1.0, "clip_cov_lb": 90.0, "clip_cov_ub": 99.0}),
    ("kl_cov", "kl_cov", "bnpo", {"kl_cov_ratio": 0.2, "ppo_kl_coef": 0.5}),
    ("kl_cov", "kl_cov", "bnpo", {"kl_cov_ratio": 0.0002, "ppo_kl_coef": 1.0}),
    ("kl_cov", "kl_cov", "bnpo", {"kl_cov_ratio": 1.0, "ppo_kl_coef": 0.1}),
]


def verl_cases(data):
    cases = []
    for surrogate, name, loss_type, more in VERL:
        epsilon, epsilon_high = (0.05, 0.1) if surrogate.startswith("dppo") else (0.2, 0.28)
        config = ActorConfig(
            strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, clip_ratio=epsilon,
            clip_ratio_low=epsilon, clip_ratio_high=epsilon_high, clip_ratio_c=20.0,
            policy_loss=PolicyLossConfig(loss_mode=name, **more),
        )  # fmt: skip
        log_probs = data["log_probs"].clone().requires_grad_()
        mask = data["mask"]
        loss, _ = core_algos.get_policy_loss_fn(name)(
            old_log_prob=data["old_log_probs"],
            log_prob=log_probs,
            advantages=data["advantages"][:, None] * torch.ones_like(mask),
            response_mask=mask,
            loss_agg_mode="token-mean",
            config=config,
        )
        loss.backward()
        options = {
            "loss_type": loss_type,
            "surrogate": surrogate,
            "importance_sampling_level": "token",
            "epsilon": epsilon,
            "epsilon_high": epsilon_high,
            "delta": None,
            "beta": 0.0,
            "use_bias_correction_kl": False,
            "max_completion_length": 9,
            "steps_per_generation": 1,
            "generation_tokens": mask.sum().item(),
            "on_policy": False,
            **more,
        }
        cases.append({"options": options, "loss": loss.item(), "gradient": log_probs.grad.tolist(), "metrics": {}})
    return cases


def kl_cases(data):
    cases = []
    for estimator in ["k1", "k2", "k3", "abs", "k1+", "k3+"]:
        log_probs = data["log_probs"].clone().requires_grad_()
        value = core_algos.kl_penalty(log_probs, data["reference_log_probs"], estimator)
        value.sum().backward()
        cases.append({"kl_estimator": estimator, "kl": value.tolist(), "gradient": log_probs.grad.tolist()})
    return cases


REWARDS = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5], [1.1, 0.4, 0.1, 0.0], [0.3, -2.0, 10.0, 0.25]])
LENGTHS = torch.tensor([[3, 1, 7, 2], [4, 4, 1, 1], [6, 2, 5, 3], [1, 2, 3, 4]])


def advantage_cases():
    """verl sees rewards at the last token of each completion, and gives an advantage for each token."""
    lengths = LENGTHS.view(-1)
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).double()
    rewards = torch.zeros_like(mask)
    rewards[torch.arange(len(lengths)), lengths - 1] = REWARDS.view(-1)
    index = np.repeat(np.arange(len(REWARDS)), REWARDS.shape[1])
    cases = []
    for estimator, scale in [
        ("rloo", "none"),
        ("opo", "none"),
        ("grpo_passk", "group"),
        ("grpo_passk", "none"),
        ("reinforce_plus_plus", "none"),
        ("reinforce_plus_plus_baseline", "none"),
    ]:
        config = AlgoConfig(gamma=1.0, norm_adv_by_std_in_grpo=scale == "group")
        found, _ = core_algos.get_adv_estimator_fn(estimator)(
            token_level_rewards=rewards, response_mask=mask, index=index, config=config
        )
        # The same for every token of a completion, so the first says it.
        cases.append({"adv_estimator": estimator, "scale_rewards": scale, "advantages": found[:, 0].view(-1, 4).tolist()})
    filtered = [
        {"group_filter_func": name, "num_remains_in_group": count, "advantages": gfpo(name, count).tolist()}
        for name, count in itertools.product(["length", "token_efficiency"], [2, 3])
    ]
    mean = REWARDS.numpy().mean(1, keepdims=True)
    max_rl = ((REWARDS.numpy() - mean) / mean).tolist()
    cases.append({"adv_estimator": "max_rl", "scale_rewards": "none", "advantages": max_rl})
    greedy = torch.tensor([1.0, 0.0, 0.75, -0.5])
    above, _ = core_algos.get_adv_estimator_fn("remax")(
        token_level_rewards=rewards, reward_baselines=greedy.repeat_interleave(REWARDS.shape[1]), response_mask=mask
    )
    remax = {"greedy": greedy.tolist(), "advantages": above[:, 0].view(-1, 4).tolist()}
    return {
        "rewards": REWARDS.tolist(), "lengths": LENGTHS.tolist(), "cases": cases, "filtered": filtered, "remax": remax,
    }  # fmt: skip


def gfpo(filter, count):
    """2508.09726: A_i = m_i (r_i - mean of those that remain) / (their deviation + 1e-4, as TRL's), m_i = 1 where i remains."""
    rewards, lengths = REWARDS.numpy(), LENGTHS.numpy()
    worth = -lengths if filter == "length" else rewards / lengths
    remains = np.argsort(-worth, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(rewards, remains, 1)
    centred = values - values.mean(1, keepdims=True)
    advantages = np.zeros_like(rewards)
    np.put_along_axis(advantages, remains, centred / (values.std(1, ddof=1, keepdims=True) + 1e-4), 1)
    return advantages


def gdpo_cases():
    """trl/trainer/grpo_trainer.py, `_generate_and_score_completions`, `normalize_then_sum`, around its own `nanstd`."""
    nan = float("nan")
    second = torch.tensor([[3.0, 1.0, nan, 2.0], [20.0, 20.0, 10.0, 0.0], [nan, 5.0, 5.0, 5.0], [nan, nan, nan, 1.0]])
    first = REWARDS.clone()
    first[2, 0] = nan
    parts = torch.stack([first, second])
    cases = []
    for weights in [[1.0, 1.0], [0.3, 2.0], [1.0, 0.0]]:
        rewards_per_func = parts.view(len(parts), -1).T
        grouped = rewards_per_func.view(-1, REWARDS.shape[1], len(parts))
        mean_k = torch.nanmean(grouped, dim=1, keepdim=True)
        std_k = nanstd(grouped, dim=1, keepdim=True)
        reward_k = ((grouped - mean_k) / (std_k + 1e-4)).view(-1, len(parts))
        rewards = (reward_k * torch.tensor(weights).unsqueeze(0)).nansum(dim=1)
        rewards[torch.isnan(rewards_per_func).all(dim=1)] = nan
        advantages = torch.nan_to_num((rewards - torch.nanmean(rewards)) / (nanstd(rewards) + 1e-4), nan=0.0)
        cases.append({"weights": weights, "advantages": advantages.view(-1, REWARDS.shape[1]).tolist()})
    return {"parts": [[[None if r != r else r for r in row] for row in part] for part in parts.tolist()], "cases": cases}


def gae_cases():
    """verl's advantages of PPO, whitened, and the returns that its value loss compares with."""
    lengths = LENGTHS.view(-1)
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).double()
    rewards = torch.zeros_like(mask)
    rewards[torch.arange(len(lengths)), lengths - 1] = REWARDS.view(-1)
    generator = torch.Generator().manual_seed(7)
    values = torch.randn(mask.shape, generator=generator, dtype=torch.float64) * mask
    new_values = values + 0.4 * torch.randn(mask.shape, generator=generator, dtype=torch.float64)
    cases = []
    for gamma, lam, cliprange in [(1.0, 0.95, 0.2), (1.0, 1.0, 0.5), (0.9, 0.8, 0.05), (0.99, 0.0, 10.0)]:
        advantages, returns = core_algos.compute_gae_advantage_return(rewards, values, mask, gamma, lam)
        predicted = new_values.clone().requires_grad_()
        loss, clipped = core_algos.compute_value_loss(predicted, returns, values, mask, cliprange)
        loss.backward()
        tokens = lambda of: [row[:length].tolist() for row, length in zip(of, lengths.tolist())]  # noqa: E731
        cases.append(
            {
                "gamma": gamma, "lam": lam, "cliprange_value": cliprange,
                "advantages": tokens(advantages), "returns": tokens(returns),
                "loss": loss.item(), "clipped": float(clipped), "gradient": tokens(predicted.grad),
            }
        )  # fmt: skip
    return {
        "rewards": REWARDS.view(-1).tolist(), "values": tokens(values), "new_values": tokens(new_values), "cases": cases,
    }  # fmt: skip


def main():
    data = batch()
    generator = torch.Generator().manual_seed(3)
    data["entropies"] = 2.0 * torch.rand(data["mask"].shape, generator=generator)
    golden = {
        "batch": {name: value.tolist() for name, value in data.items()},
        "losses": trl_cases(data) + entropy_cases(data) + verl_cases(data),
        "kl": kl_cases(data),
        "advantages": advantage_cases(),
        "gdpo": gdpo_cases(),
        "gae": gae_cases(),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":"), allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
