"""Rewards: a reward file, loaded, that scores lists of completions."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import _native
from ._scores import Score
from ._workspace import Workspace, _inherited


class Reward:
    """A reward file, loaded.

    It can be pickled, and is loaded again where it is unpickled; after a fork it is loaded again when it is first used.
    Any number of threads may score with it at once.

    :param path: The reward file.
    :param workspace: The threads that judge; :meth:`Workspace.default` if it is not said.
    :param preset: Whose names the columns have, where the reward file has no ``[columns]``: ``"trl"``, ``"verl"``,
        ``"openrlhf"``, ``"nemo-gym"`` or ``"verifiers"``.
    :raises RewardError: with file, line and field, when it cannot be loaded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        workspace: Workspace | None = None,
        preset: str | None = None,
    ) -> None:
        self._open(os.path.abspath(path), None, workspace, preset)

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        name: str = "reward.toml",
        workspace: Workspace | None = None,
        preset: str | None = None,
    ) -> Reward:
        """A reward of the text of a reward file. Errors call it `name`; plugins are looked for from its folder."""
        reward = cls.__new__(cls)
        reward._open(os.path.abspath(name), text, workspace, preset)
        return reward

    @classmethod
    def from_dict(
        cls,
        settings: Mapping[str, Any],
        *,
        workspace: Workspace | None = None,
        preset: str | None = None,
    ) -> Reward:
        """A reward of what a reward file says, as a dictionary."""
        return cls.from_text(_native.toml_of(json.dumps(settings)), workspace=workspace, preset=preset)

    def _open(self, path: str, text: str | None, workspace: Workspace | None, preset: str | None) -> None:
        self._path, self._text, self._workspace, self._preset = path, text, workspace, preset
        self._native: _native.Reward | None = None
        self._pid = 0
        self._names = self._here().columns(preset)

    def _here(self) -> _native.Reward:
        """What judges in this process."""
        native = self._native
        if native is None or self._pid != os.getpid():
            _inherited.append(native)
            workspace = self._workspace or Workspace.default()
            native = workspace._here().load(self._path, self._text)
            self._native, self._pid = native, os.getpid()
        return native

    def score(
        self,
        *,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None = None,
        reference: Sequence[Any] | None = None,
        **columns: Sequence[Any],
    ) -> list[Score]:
        """Scores completions, in their order. Other threads run meanwhile, and Ctrl-C ends it.

        Completions and prompts are texts or lists of chat messages. All columns have an entry for each completion, and
        reach the verifiers as metadata; a verifier's failure is an outcome, never an exception.

        :raises ValueError: when the columns are not equally long, or an entry is neither text nor chat.
        """
        rows = self._rows(completions, prompts, reference, columns)
        return [Score(reward, form) for reward, form in self._here().score(rows, self._preset)]

    async def ascore(
        self,
        *,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None = None,
        reference: Sequence[Any] | None = None,
        **columns: Sequence[Any],
    ) -> list[Score]:
        """As :meth:`score`, without blocking the event loop; what is cancelled is not judged any further."""
        rows = self._rows(completions, prompts, reference, columns)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[tuple[float | None, str]]] = loop.create_future()
        if not len(completions):
            return []

        def settle(scores: list[tuple[float | None, str]]) -> None:
            if not future.done():
                future.set_result(scores)

        pending = self._here().start(rows, self._preset, loop, settle)
        try:
            scores = await future
        finally:
            pending.cancel()
        if len(scores) != len(completions):
            raise RuntimeError("a score was lost, which is a bug in gavel")
        return [Score(reward, form) for reward, form in scores]

    @property
    def verifiers(self) -> list[str]:
        """The names of the verifiers, in the order of the reward file."""
        return self._here().verifiers

    @property
    def digests(self) -> dict[str, str]:
        """The digest (sha256) of each verifier's plugin, and of the interpreters that it runs programs with."""
        return dict(self._here().digests)

    def _rows(
        self,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None,
        reference: Sequence[Any] | None,
        columns: Mapping[str, Sequence[Any]],
    ) -> Iterator[str]:
        """The submissions as rows of JSON, made as they are asked for: what comes first is judged meanwhile."""
        prompt_name, completion_name, reference_name = self._names
        count = len(completions)
        table: dict[str, Sequence[Any]] = dict(columns)
        table[prompt_name] = [""] * count if prompts is None else prompts
        table[completion_name] = completions
        if reference is not None:
            table[reference_name] = reference
        for name, values in table.items():
            if len(values) != count:
                raise ValueError(f"`{name}` has {len(values)} entries, and there are {count} completions")
        names = list(table)
        return (_encode(dict(zip(names, values))) for values in zip(*table.values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (self._path, self._text, self._workspace, self._preset))

    def __repr__(self) -> str:
        return f"<gavel_rl.Reward {self._path}: {', '.join(self.verifiers)}>"


def _again(path: str, text: str | None, workspace: Workspace | None, preset: str | None) -> Reward:
    reward = Reward.__new__(Reward)
    reward._open(path, text, workspace, preset)
    return reward


def _plain(value: Any) -> Any:
    """NumPy's and torch's numbers and arrays as Python's own."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"a {type(value).__name__} in a column cannot be written as JSON")


_encode = json.JSONEncoder(default=_plain, check_circular=False).encode
