"""verl: ``compute_score`` for ``custom_reward_function``, one sample at a time or in batches."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ._reward import Reward
from ._scores import Score


@lru_cache
def _reward(path: str) -> Reward:
    return Reward(path, preset="verl")


def _path(reward: str | None) -> str:
    path = reward or os.environ.get("GAVEL_REWARD")
    if not path:
        raise ValueError("name the reward file: reward_kwargs.reward=reward.toml, or GAVEL_REWARD in the environment")
    return os.path.abspath(path)


def _said(score: Score, no_reward: float | None) -> dict[str, float]:
    """What verl takes: the score, and numbers to log, of which every sample has the same."""
    said = {"score": score.number(no_reward), "has_reward": float(score.reward is not None)}
    for name, outcome in score.outcomes.items():
        said[f"gavel/{name}"] = math.nan if outcome.reward is None else outcome.reward
    return said


def _columns(
    sources: Sequence[str], solutions: Sequence[str], truths: Sequence[Any], infos: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any]:
    infos = [{} if info is None else dict(info) for info in infos]
    return {
        "prompts": [info.get("question", info.get("prompt", "")) or "" for info in infos],
        "completions": list(solutions),
        "reference": list(truths),
        "data_source": list(sources),
        "extra_info": infos,
    }


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: str | None = None,
    no_reward: float | None = None,
    **_: Any,
) -> dict[str, float]:
    """Scores one sample, and lets verl's loop go on meanwhile.

    verl needs a number for every sample: one without reward ends the run, unless `no_reward` says what it is worth.

    :param reward: The reward file; ``GAVEL_REWARD`` if it is not said.
    """
    columns = _columns([data_source], [solution_str], [ground_truth], [extra_info])
    loaded = _reward(_path(reward))
    loaded._require_alone("verl's compute_score")
    return _said((await loaded.ascore(**columns))[0], no_reward)


def compute_scores(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None] | None = None,
    *,
    reward: str | None = None,
    no_reward: float | None = None,
    **_: Any,
) -> list[dict[str, float]]:
    """As :func:`compute_score`, for the reward manager ``batch`` of verl before 2026."""
    infos = [None] * len(solution_strs) if extra_infos is None else extra_infos
    scores = _reward(_path(reward)).score(**_columns(data_sources, solution_strs, ground_truths, infos))
    return [_said(score, no_reward) for score in scores]
