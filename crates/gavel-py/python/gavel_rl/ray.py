"""Ray: actors that judge, on one machine or on many."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import ray

from ._reward import Reward
from ._scores import Score
from ._workspace import Workspace

#: Submissions that an actor is given at once: few enough that all actors end together, many enough that the way there
#: costs little.
CHUNK = 256


class _Judge:
    """What an actor is: a reward, loaded where the actor lives."""

    def __init__(self, reward: Reward, jobs: int) -> None:
        # What travelled is the recipe; the threads are the actor's own, as many as processors were asked for.
        self._reward = reward.within(Workspace(jobs=jobs))

    def score(self, columns: dict[str, Any]) -> list[Score]:
        return self._reward.score(**columns)

    def pid(self) -> int:
        return os.getpid()


class RewardPool:
    """A reward that is judged by Ray's actors::

        pool = RewardPool("reward.toml", actors=4, num_cpus=8)
        scores = pool.score(prompts=prompts, completions=completions, reference=answers)

    Each actor is a process with `num_cpus` threads, wherever Ray has room for it. An actor that dies is started again and
    asked again: a verdict does not depend on who is asked, or how often. The reward file, and plugins that it names by
    path, have to be there on every machine.

    :param actors: How many there are.
    :param num_cpus: Processors, and threads, of each.
    :param options: More of Ray's own options for actors, as ``resources`` or ``scheduling_strategy``.
    """

    def __init__(
        self,
        reward: str | os.PathLike[str] | Reward,
        *,
        actors: int = 1,
        num_cpus: int = 1,
        preset: str | None = None,
        **options: Any,
    ) -> None:
        if actors < 1:
            raise ValueError("`actors` must be at least 1")
        made = reward if isinstance(reward, Reward) else Reward(reward, preset=preset)
        again = {"max_restarts": -1, "max_task_retries": -1, **options}
        judge = ray.remote(_Judge).options(num_cpus=num_cpus, **again)
        self._actors = [judge.remote(made, num_cpus) for _ in range(actors)]
        self._next = 0

    def score(self, *, completions: Sequence[Any], **columns: Sequence[Any] | None) -> list[Score]:
        """As :meth:`Reward.score`: the scores, in order."""
        return [score for scores in ray.get(self._asked(completions, columns)) for score in scores]

    async def ascore(self, *, completions: Sequence[Any], **columns: Sequence[Any] | None) -> list[Score]:
        """As :meth:`score`, without blocking the event loop."""
        asked = self._asked(completions, columns)
        return [score for scores in await asyncio.gather(*asked) for score in scores]

    def _asked(self, completions: Sequence[Any], columns: dict[str, Sequence[Any] | None]) -> list[Any]:
        """Chunks go to the actors in turn."""
        count = len(completions)
        table = {"completions": completions, **{name: values for name, values in columns.items() if values is not None}}
        for name, values in table.items():
            if len(values) != count:
                raise ValueError(f"`{name}` has {len(values)} entries, and there are {count} completions")
        # A small batch is shared as well.
        chunk = min(CHUNK, -(-count // len(self._actors))) or 1
        asked = []
        for start in range(0, count, chunk):
            actor = self._actors[self._next % len(self._actors)]
            self._next += 1
            asked.append(actor.score.remote({name: values[start : start + chunk] for name, values in table.items()}))
        return asked

    def close(self) -> None:
        """Ends the actors."""
        for actor in self._actors:
            ray.kill(actor)
        self._actors = []
