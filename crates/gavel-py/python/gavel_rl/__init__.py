"""Rewards for reinforcement learning, judged by sandboxed WebAssembly plugins.

A :class:`Reward` is a reward file, loaded; it scores lists of completions::

    reward = Reward("reward.toml")
    for score in reward.score(prompts=prompts, completions=completions, reference=answers):
        print(score.reward, score.no_reward)

The modules beside this one say it in the words of trainers: ``gavel_rl.trl``, ``gavel_rl.verl``, ``gavel_rl.openrlhf``,
``gavel_rl.verifiers``, ``gavel_rl.slime``, ``gavel_rl.skyrl``, ``gavel_rl.nemo_gym`` and
``gavel_rl.openenv``; ``gavel_rl.ray`` judges with Ray's actors.
"""

from ._native import RewardError, __version__
from ._reward import Reward
from ._scores import NoReward, Outcome, Score
from ._workspace import Workspace

__all__ = ["NoReward", "Outcome", "Reward", "RewardError", "Score", "Workspace", "__version__"]
