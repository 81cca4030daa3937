"""Scores completions on two of Ray's actors; `ray.init("ray://HOST:10001")` would take a cluster's."""

from pathlib import Path

import ray

from gavel_rl.ray import RewardPool

ray.init(include_dashboard=False, log_to_driver=False)
pool = RewardPool(Path(__file__).with_name("reward.toml"), actors=2)
scores = pool.score(
    prompts=["What is 6 * 7?"] * 3,
    completions=[r"It is \boxed{42}.", r"It is \boxed{43}.", "I do not know."],
    reference=["42"] * 3,
)
for score in scores:
    print(score.reward, score.outcomes["math"].reason)
