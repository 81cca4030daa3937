"""Scores and outcomes as Python's objects, made of the one JSON form when somebody looks at them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What one verifier said of a submission, or why it said nothing."""

    #: ``"verdict"``, or the kind of failure.
    status: str
    #: ``None`` where there is no verdict.
    reward: float | None
    #: One line for a person.
    reason: str | None
    metrics: dict[str, float]
    #: WebAssembly instructions and calls, the same on every machine.
    fuel: int | None = None
    #: Milliseconds that it took here.
    ms: float | None = None
    #: What a judge was asked (``request``, a digest) and its ``answer``, or the ``error`` where there was none.
    call: dict[str, Any] | None = None


@dataclass(frozen=True)
class NoReward:
    """Why a submission has no reward."""

    #: ``"dropped"``, ``"missing-metric"``, ``"task-column"``, ``"not-finite"``, ``"host-failed"`` or ``"no-group"``.
    kind: str
    verifier: str | None = None
    metric: str | None = None
    value: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Score:
    """What a submission is worth, and the outcomes that say why."""

    #: ``None`` where there is no reward; :attr:`no_reward` says why.
    reward: float | None
    #: All of it, as ``gavel score`` and the server write it.
    json: str = field(repr=False)

    @cached_property
    def form(self) -> dict[str, Any]:
        """:attr:`json` as a dictionary."""
        form: dict[str, Any] = json.loads(self.json)
        return form

    @cached_property
    def no_reward(self) -> NoReward | None:
        said = self.form.get("no_reward")
        return None if said is None else NoReward(**said)

    @cached_property
    def components(self) -> dict[str, float]:
        """The values of the reward's components by their names, before their weights, of those that have one; empty where
        the reward file has no ``[reward.components]``."""
        values: dict[str, float] = self.form.get("reward_components", {})
        return values

    def number(self, no_reward: float | None = None) -> float:
        """The reward, for who has to have a number: where there is none, `no_reward`, if somebody chose one.

        :raises ValueError: where there is no reward and nobody did.
        """
        if self.reward is not None:
            return self.reward
        if no_reward is None:
            raise ValueError(
                f"a completion has no reward ({self.no_reward}): say with `on_failure` in the reward file what it is "
                "worth, or with `no_reward`"
            )
        return no_reward

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """By the names of the verifiers, in the order of the reward file."""
        return {name: Outcome(**outcome) for name, outcome in self.form["outcomes"].items()}
