"""The scorers by the names of their data sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from gavel_plugin import InvalidTask

from reasoning_gym.factory import DATASETS

Scorer = Callable[[Any, dict], float]

#: Data sets whose scorers need what the sandbox does not have.
LEFT_OUT = {
    "codeio": "zss, which has no wheel",
    "composite": "the data sets that it is made of: an entry names its own",
    "rubiks_cube": "NumPy, by way of magiccube",
}

#: Data sets whose scorers look at more than the configuration, which only their constructors set up.
CONSTRUCTED = ("sokoban", "word_ladder")


def of(name: Any) -> Scorer:
    """The scorer of the data set with this name, with its default configuration."""
    if not isinstance(name, str) or name not in DATASETS:
        raise InvalidTask(f"`source_dataset` is {name!r}, which reasoning-gym 0.1.25 does not have")
    if name in LEFT_OUT:
        raise InvalidTask(f"the data set `{name}` cannot be judged here: its scorer needs {LEFT_OUT[name]}")
    return _instance(name).score_answer


@cache
def _instance(name: str) -> Any:
    """A data set without the data, which only its generator needs: there are no files in the sandbox."""
    kind, config = DATASETS[name]
    if name in CONSTRUCTED:
        return kind(config=config())
    instance = kind.__new__(kind)
    instance.config = config()
    for setting in ("board_format_opts",):
        if hasattr(instance.config, setting):
            setattr(instance, setting, getattr(instance.config, setting))
    return instance


for _name in CONSTRUCTED:
    _instance(_name)
