"""slime: a function for ``--custom-rm-path``, one sample at a time or in groups."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from ._reward import Reward


def reward_func(
    reward: str | os.PathLike[str] | Reward, *, no_reward: float | None = None
) -> Callable[..., Awaitable[Any]]:
    """A reward file as slime's reward model: a file ``gavel_reward.py`` on the Python path with ::

        from gavel_rl.slime import reward_func
        reward_func = reward_func("reward.toml")

    is named by ``--custom-rm-path gavel_reward.reward_func``, with ``--group-rm`` or without. The sample's label is the
    reference, and its metadata are columns. A reward that compares completions needs ``--group-rm``. The whole score is left in ``sample.metadata["gavel"]``.

    slime needs a number for every sample: one without reward is an exception, unless `no_reward` says what it is worth.
    """
    made = reward if isinstance(reward, Reward) else Reward(reward)

    async def reward_func(args: Any, samples: Any, **_: Any) -> Any:
        if not isinstance(samples, list):
            made._require_alone("slime without --group-rm")
        batch = samples if isinstance(samples, list) else [samples]
        scores = await made.ascore(
            prompts=[sample.prompt for sample in batch],
            completions=[sample.response for sample in batch],
            reference=[sample.label for sample in batch],
            metadata=[sample.metadata or {} for sample in batch],
        )
        for sample, score in zip(batch, scores):
            sample.metadata = {**(sample.metadata or {}), "gavel": score.form}
        rewards = [score.number(no_reward) for score in scores]
        return rewards if isinstance(samples, list) else rewards[0]

    return reward_func
