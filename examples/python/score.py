"""Scores three completions with a reward file, and says why."""

from pathlib import Path

from gavel_rl import Reward

reward = Reward(Path(__file__).with_name("reward.toml"))
scores = reward.score(
    prompts=["What is 6 * 7?"] * 3,
    completions=[r"It is \boxed{42}.", r"It is \boxed{43}.", "I do not know."],
    reference=["42"] * 3,
)
for score in scores:
    print(score.reward, score.outcomes["math"].reason)
