"""verl's plugin ``gavel``, of the entry points ``verl.plugins``: reward functions by ``gavel://reward.toml``.

verl (0.9 and later) imports this while it is imported itself, in every process. Its reward functions are loaded by
``load_module``, which knows ``pkg://`` and files and has no place to register another scheme, so this puts one in its place
that passes on all but ``gavel://``. ``VERL_USE_EXTERNAL_PLUGINS=none`` keeps it out.
"""

from __future__ import annotations

import functools
import logging
import types
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

SCHEME = "gavel://"


def module_of(address: str) -> types.ModuleType:
    """What verl loads of ``gavel://PATH``: a module whose ``compute_score`` is that reward file's.

    The path is absolute, or starts where verl was started; ``?no_reward=0`` behind it says what a sample without reward gets.
    The reward file is loaded now, so that a mistake in it ends the run before it has begun.
    """
    from . import verl

    path, _, query = address.removeprefix(SCHEME).partition("?")
    if not path:
        raise ValueError(f"`{address}` names no reward file: say {SCHEME}/folder/reward.toml, or {SCHEME}reward.toml")
    settings = {**_settings(address, query), "reward": path}
    verl._reward(verl._path(path))._require_alone("verl's compute_score")
    module = types.ModuleType(f"gavel_rl.verl of {path}", module_of.__doc__)

    async def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, **named: Any
    ) -> dict[str, float]:
        return await verl.compute_score(data_source, solution_str, ground_truth, extra_info, **{**settings, **named})

    module.compute_score = compute_score  # type: ignore[attr-defined]
    return module


def _settings(address: str, query: str) -> dict[str, float]:
    settings = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "no_reward":
            raise ValueError(f"`{address}`: `{name}` is no setting; there is `no_reward`")
        try:
            settings[name] = float(value)
        except ValueError:
            raise ValueError(f"`{address}`: `no_reward` is a number, not `{value}`") from None
    return settings


def install() -> None:
    """Has verl's `load_module` know `gavel://`."""
    from verl.utils import import_utils

    before = import_utils.load_module
    if getattr(before, "_gavel", False):
        return
    import_utils.load_module = _knowing(before)


def _knowing(before: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(before)
    def load_module(module_path: Any, *others: Any, **named: Any) -> Any:
        if isinstance(module_path, str) and module_path.startswith(SCHEME):
            return module_of(module_path)
        return before(module_path, *others, **named)

    load_module._gavel = True  # type: ignore[attr-defined]
    return load_module


try:
    install()
except (ImportError, AttributeError) as error:
    # verl itself says so at the level of debugging alone.
    logging.getLogger(__name__).warning("gavel:// is not known to this verl: %s", error)
