"""OpenRLHF's reward function, made of the reward file beside it: `--reward.remote_url $PWD/gavel_reward.py`."""

from pathlib import Path

from gavel_rl.openrlhf import reward_func

reward_func = reward_func(Path(__file__).with_name("reward.toml"))
