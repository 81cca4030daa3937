"""TRL: a reward function for ``GRPOTrainer(reward_funcs=...)``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ._reward import Reward
from ._scores import Score

# What TRL hands to a reward function beside the data set's columns.
_OF_THE_TRAINER = ("completion_ids", "trainer_state", "log_extra", "log_metric", "environments")


class _RewardFunction:
    """A reward as a function over columns; an object, so that TRL's workers can be sent it."""

    def __init__(self, reward: Reward, name: str) -> None:
        self._reward = reward
        self.__name__ = name

    def _columns(self, columns: dict[str, Any]) -> dict[str, Any]:
        return {name: values for name, values in columns.items() if name not in _OF_THE_TRAINER}

    def _rewards(self, scores: list[Score], asked: dict[str, Any]) -> list[float | None]:
        """The rewards; and where TRL keeps a table and metrics, what each verifier said goes into them."""
        extra: Callable[[str, list[Any]], None] | None = asked.get("log_extra")
        metric: Callable[[str, float], None] | None = asked.get("log_metric")
        for verifier in self._reward.verifiers if extra or metric else ():
            outcomes = [score.outcomes[verifier] for score in scores]
            column = f"{self.__name__}/{verifier}"
            if extra:
                extra(column, [outcome.reward for outcome in outcomes])
                extra(f"{column}/reason", [outcome.reason for outcome in outcomes])
            known = [outcome.reward for outcome in outcomes if outcome.reward is not None]
            if metric and known:
                metric(column, sum(known) / len(known))
        if metric and scores:
            metric(f"{self.__name__}/no_reward", sum(score.reward is None for score in scores) / len(scores))
        return [score.reward for score in scores]


class _Sync(_RewardFunction):
    def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        scores = self._reward.score(prompts=prompts, completions=completions, **self._columns(columns))
        return self._rewards(scores, columns)


class _Async(_RewardFunction):
    async def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        scores = await self._reward.ascore(prompts=prompts, completions=completions, **self._columns(columns))
        return self._rewards(scores, columns)


def reward_func(
    reward: str | os.PathLike[str] | Reward, *, name: str = "gavel", is_async: bool = False
) -> Callable[..., Any]:
    """A reward file, or a reward, as one of TRL's ``reward_funcs``.

    Where the reward file has no ``[columns]``, the reference is the data set's ``solution``, ``ground_truth`` or
    ``answer``. A submission without reward is ``None``, which TRL leaves out. What each verifier said becomes a column of
    the completions table and a metric, where TRL has them.

    :param name: What TRL's logs call it.
    :param is_async: TRL then runs it beside its other asynchronous reward functions.
    """
    made = reward if isinstance(reward, Reward) else Reward(reward, preset="trl")
    return (_Async if is_async else _Sync)(made, name)
