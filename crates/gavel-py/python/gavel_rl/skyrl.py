"""SkyRL: an environment of a single turn, whose step is worth what a reward file says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from ._reward import Reward
from ._scores import Score


@lru_cache
def _reward(path: str) -> Reward:
    return Reward(path)


class GavelEnv(BaseTextEnv):  # type: ignore[misc]
    """An environment for ``skyrl_gym.envs.register(id="gavel", entry_point="gavel_rl.skyrl:GavelEnv")``.

    The reward file is the environment's setting ``reward``, or ``GAVEL_REWARD``. The reference is the row's
    ``reward_spec.ground_truth``, and what else it has are columns. Where there is no reward the step raises, unless the
    setting ``no_reward`` says what it is worth; `get_metrics` has what each verifier said.
    """

    def __init__(self, env_config: Any = None, extras: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        settings = env_config or {}
        path = settings.get("reward") or os.environ.get("GAVEL_REWARD")
        if not path:
            raise ValueError("name the reward file: the environment's setting `reward`, or GAVEL_REWARD")
        self._reward = path if isinstance(path, Reward) else _reward(os.path.abspath(path))
        self._reward._require_alone("an environment of SkyRL")
        self._no_reward = settings.get("no_reward")
        row = dict(extras or {})
        self._reference = (row.pop("reward_spec", None) or {}).get("ground_truth")
        self._columns = {name: [value] for name, value in row.items() if name != "prompt"}
        self._prompt: Any = row.get("prompt", "")
        self._score: Score | None = None

    def init(self, prompt: Any) -> tuple[Any, dict[str, Any]]:
        self._prompt = prompt
        return prompt, {}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        self.turns += 1
        (self._score,) = self._reward.score(
            prompts=[self._prompt], completions=[action], reference=[self._reference], **self._columns
        )
        reward = self._score.number(self._no_reward)
        return BaseTextEnvStepOutput(observations=[], reward=reward, done=True, metadata={"gavel": self._score.form})

    def get_metrics(self) -> dict[str, Any]:
        """What each verifier said; of one that said nothing, nothing."""
        if self._score is None:
            return {}
        said = {name: outcome.reward for name, outcome in self._score.outcomes.items()}
        metrics = {f"gavel/{name}": reward for name, reward in said.items() if reward is not None}
        return {"has_reward": float(self._score.reward is not None), **metrics}
