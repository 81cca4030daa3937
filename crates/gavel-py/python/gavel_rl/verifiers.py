"""verifiers (prime-rl): a reward of a task, plugged in by configuration or called in a ``@vf.reward`` of one's own."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from ._reward import Reward


def reward_func(
    reward: str | os.PathLike[str] | Reward, *, no_reward: float | None = None
) -> Callable[..., Awaitable[float]]:
    """A reward file as a reward function of verifiers: a file ``gavel_reward.py`` with ::

        from gavel_rl.verifiers import reward_func
        gavel = reward_func("reward.toml")

    is plugged in by ``[env.taskset.task.rewards] gavel = { fn = "gavel_reward.py:gavel" }``. The completion is the trace's
    last reply, the reference the task's ``answer``, and all fields of the task are columns.

    What every verifier said is a metric of the trace, and the whole score is ``trace.info["gavel"]``. A trace without
    reward raises, which verifiers records as an error of its scoring, unless `no_reward` says what it is worth.
    """
    made = reward if isinstance(reward, Reward) else Reward(reward, preset="verifiers")
    made._require_alone("verifiers")

    async def gavel(task: Any, trace: Any) -> float:
        row = task.model_dump(mode="json", exclude_none=True)
        columns = {name: [value] for name, value in row.items() if name not in ("prompt", "completion")}
        prompt, completion = row.get("prompt", ""), trace.last_reply
        (score,) = await made.ascore(prompts=[prompt], completions=[completion], **columns)
        for name, outcome in score.outcomes.items():
            if outcome.reward is not None:
                trace.record_metric(f"gavel/{name}", outcome.reward)
        trace.info["gavel"] = score.form
        return score.number(no_reward)

    return gavel
