"""OpenRLHF: ``reward_func`` for ``--reward.remote_url FILE.py``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ._reward import Reward


def reward_func(reward: str | os.PathLike[str] | Reward, *, no_reward: float | None = None) -> Callable[..., dict[str, Any]]:
    """The function that OpenRLHF looks for in the file, made of a reward file::

        from gavel_rl.openrlhf import reward_func
        reward_func = reward_func("reward.toml")

    OpenRLHF needs a number for every sample: one without reward is an exception, which it takes for a sample to leave out,
    unless `no_reward` says what it is worth.
    """
    made = reward if isinstance(reward, Reward) else Reward(reward, preset="openrlhf")

    def reward_func(
        queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
    ) -> dict[str, Any]:
        import torch

        completions = [behind(prompt, query) for query, prompt in zip(queries, prompts, strict=True)]
        scores = made.score(prompts=prompts, completions=completions, reference=labels)
        rewards = torch.tensor([score.number(no_reward) for score in scores])
        logs = {"has_reward": torch.tensor([float(score.reward is not None) for score in scores])}
        for name in made.verifiers:
            said = [score.outcomes[name].reward for score in scores]
            # There is no number for a verifier that said nothing.
            if None not in said:
                logs[name] = torch.tensor(said)
        return {"rewards": rewards, "scores": rewards, "extra_logs": logs}

    return reward_func


def behind(prompt: str, query: str) -> str:
    """The completion: a query is the prompt, perhaps with a token before it, and the completion behind it."""
    _, found, completion = query.partition(prompt) if prompt else ("", "found", query)
    if not found:
        raise ValueError("a query does not have its prompt in it, so nobody knows where the completion begins")
    return completion
