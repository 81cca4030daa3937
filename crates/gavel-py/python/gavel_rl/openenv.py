"""OpenEnv: a rubric that is worth what a reward file says, for environments in Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from openenv.core.rubrics import Rubric

from ._reward import Reward
from ._scores import Score

#: What an action may call the completion.
_COMPLETION = ("completion", "message", "text", "response")


class GavelRubric(Rubric):  # type: ignore[misc]
    """A reward file as a rubric, alone or in OpenEnv's containers (``Gate``, ``WeightedSum``, ``Sequential``)::

        class Sums(Environment):
            def __init__(self):
                super().__init__(rubric=GavelRubric("reward.toml", task=lambda action, observation: self.task))

    The completion is the action's ``completion``, ``message``, ``text`` or ``response``, and the task is a row with
    ``prompt``, ``reference`` and other columns: what `task` returns, or else the observation's metadata. The whole score is
    :attr:`last`. Where there is no reward it raises, unless `no_reward` says what that is worth.
    """

    def __init__(
        self,
        reward: str | os.PathLike[str] | Reward,
        *,
        task: Callable[[Any, Any], Mapping[str, Any]] | None = None,
        no_reward: float | None = None,
    ) -> None:
        super().__init__()
        self._reward = reward if isinstance(reward, Reward) else Reward(reward)
        self._task, self._no_reward = task, no_reward
        #: The last score, with what each verifier said.
        self.last: Score | None = None

    def forward(self, action: Any, observation: Any) -> float:
        row = dict(self._task(action, observation) if self._task else _fields(observation).get("metadata") or {})
        prompt, reference = row.pop("prompt", ""), row.pop("reference", None)
        columns = {name: [value] for name, value in row.items() if name not in ("prompts", "completions")}
        (self.last,) = self._reward.score(
            prompts=[prompt], completions=[_completion(action)], reference=[reference], **columns
        )
        return self.last.number(self._no_reward)


def _fields(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    fields: Mapping[str, Any] = value.model_dump() if hasattr(value, "model_dump") else vars(value)
    return fields


def _completion(action: Any) -> Any:
    if isinstance(action, str):
        return action
    fields = _fields(action)
    for name in _COMPLETION:
        if name in fields:
            return fields[name]
    raise ValueError(f"an action has a completion: one of {', '.join(_COMPLETION)}; this one has {', '.join(fields)}")
