"""NeMo Gym: a resources server that verifies by a reward file."""

from __future__ import annotations

from typing import Any

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from nemo_gym.config_types import AggregateMetrics, AggregateMetricsRequest
from pydantic import ConfigDict, PrivateAttr

from ._reward import Reward
from ._scores import Score

# What `Reward.score` takes as arguments of its own.
_ARGUMENTS = ("prompts", "completions", "reference")


class GavelResourcesServerConfig(BaseResourcesServerConfig):
    """The server's entry in NeMo Gym's configuration."""

    #: The reward file; from the working directory, where its path is not absolute.
    reward: str


class GavelVerifyRequest(BaseVerifyRequest):
    """A row with a response; its other columns reach the verifiers."""

    model_config = ConfigDict(extra="allow")


class GavelVerifyResponse(BaseVerifyResponse):
    """The request, its reward, and what the verifiers said of it."""

    model_config = ConfigDict(extra="allow")

    #: Whether there is no reward: then ``reward`` is 0, because it has to be a number, and measures nothing.
    mask_sample: bool
    failure_kind: str | None
    failure_reason: str | None
    #: What each verifier said that said something.
    reward_components: dict[str, float]
    #: The whole score.
    gavel: dict[str, Any]


class GavelResourcesServer(SimpleResourcesServer):
    """A resources server for an ``app.py`` with ::

        from gavel_rl.nemo_gym import GavelResourcesServer

        if __name__ == "__main__":
            GavelResourcesServer.run_webserver()

    whose configuration names the reward file (``reward: reward.toml``). Where the file has no ``[columns]``, the prompt is
    ``responses_create_params.input``, the completion the last message of ``response.output``, and the reference
    ``expected_answer`` or ``answer``; all else is metadata.
    """

    config: GavelResourcesServerConfig
    _reward: Reward = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._reward = Reward(self.config.reward, preset="nemo-gym")

    # NeMo Gym's own name for what answers ``POST /verify``.
    async def verify(self, body: GavelVerifyRequest) -> GavelVerifyResponse:
        row = body.model_dump(mode="json")
        params, output = row.pop("responses_create_params"), row.pop("response")["output"]
        # A policy that reasoned until its last token has written nothing: that is an answer, and an empty one.
        completion = output if any(_has_text(item) for item in output) else ""
        columns = {name: [value] for name, value in row.items() if name not in _ARGUMENTS}
        (score,) = await self._reward.ascore(
            prompts=[params["input"]], completions=[completion], **columns
        )
        return GavelVerifyResponse(**{**body.model_dump(), **_said(score)})

    async def aggregate_metrics(self, body: AggregateMetricsRequest) -> AggregateMetrics:
        """As NeMo Gym's, without what measures nothing."""
        measured = [response for response in body.verify_responses if not response.get("mask_sample")]
        return await super().aggregate_metrics(AggregateMetricsRequest(verify_responses=measured))


def _has_text(item: Any) -> bool:
    if item.get("role") != "assistant":
        return False
    content = item.get("content")
    return isinstance(content, str) or any("text" in part for part in content or ())


def _said(score: Score) -> dict[str, Any]:
    said = {name: outcome.reward for name, outcome in score.outcomes.items()}
    no_reward = score.no_reward
    reasons = [
        f"{name}: {outcome.reason or outcome.status}"
        for name, outcome in score.outcomes.items()
        if outcome.reward is None and outcome.status != "skipped"
    ]
    return {
        "reward": score.number(0.0),
        "mask_sample": no_reward is not None,
        "failure_kind": None if no_reward is None else f"gavel:{no_reward.kind}",
        "failure_reason": None if no_reward is None else "; ".join(reasons) or no_reward.kind,
        "reward_components": {name: reward for name, reward in said.items() if reward is not None},
        "gavel": score.form,
    }
