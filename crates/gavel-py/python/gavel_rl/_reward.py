"""Rewards: a reward file, loaded, that scores lists of completions."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import _native
from ._functions import Judge, taken_out
from ._scores import Score
from ._workspace import Workspace, _inherited


class Reward:
    """A reward file, loaded.

    It can be pickled, and is loaded again where it is unpickled; after a fork it is loaded again when it is first used.
    Any number of threads may score with it at once.

    :param path: The reward file, or what it says as a dictionary; see :meth:`from_dict`.
    :param functions: The functions of the verifiers that say ``function = true``, by the verifiers' names.
    :param workspace: The threads that judge; :meth:`Workspace.default` if it is not said.
    :param preset: Whose names the columns have, where the reward file has no ``[columns]``: ``"trl"``, ``"verl"``,
        ``"openrlhf"``, ``"nemo-gym"`` or ``"verifiers"``.
    :raises RewardError: with file, line and field, when it cannot be loaded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Mapping[str, Any],
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        workspace: Workspace | None = None,
        preset: str | None = None,
    ) -> None:
        text, given = None, dict(functions or {})
        if isinstance(path, Mapping):
            settings, inside = taken_out(path)
            path, text, given = "reward.toml", _native.toml_of(json.dumps(settings)), {**given, **inside}
        self._open(os.path.abspath(path), text, workspace, preset, given)

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        name: str = "reward.toml",
        functions: Mapping[str, Callable[..., Any]] | None = None,
        workspace: Workspace | None = None,
        preset: str | None = None,
    ) -> Reward:
        """A reward of the text of a reward file. Errors call it `name`; plugins are looked for from its folder."""
        return _opened(cls, os.path.abspath(name), text, workspace, preset, dict(functions or {}))

    @classmethod
    def from_dict(
        cls,
        settings: Mapping[str, Any],
        *,
        workspace: Workspace | None = None,
        preset: str | None = None,
    ) -> Reward:
        """A reward of what a reward file says, as a dictionary. A verifier may be a Python function there, or
        ``{"function": it, "on_failure": 0.0}``::

            Reward.from_dict({"reward": {"formula": "math * brief"}, "verifiers": {"math": {"plugin": "math"}, "brief": brief}})
        """
        return cls(settings, workspace=workspace, preset=preset)

    def within(self, workspace: Workspace) -> Reward:
        """The same reward, judged by the threads of another workspace."""
        return _opened(
            type(self), self._path, self._text, workspace, self._preset, self._functions, self._limits
        )

    def within_limits(self, **limits: Any) -> Reward:
        """The same reward, within lower limits than its file has: ``within_limits(fuel=1_000_000, timeout="500ms")``.

        The names and units are those of ``limits`` in a reward file. Each verifier keeps those of its own that are lower.

        :raises ValueError: where one of them is higher than every verifier's own: limits can only be lowered here.
        """
        return _opened(
            type(self), self._path, self._text, self._workspace, self._preset, self._functions, [*self._limits, limits]
        )

    def _open(
        self,
        path: str,
        text: str | None,
        workspace: Workspace | None,
        preset: str | None,
        functions: dict[str, Callable[..., Any]],
        limits: list[dict[str, Any]] | None = None,
    ) -> None:
        self._path, self._text, self._workspace, self._preset = path, text, workspace, preset
        self._functions, self._limits = functions, limits or []
        self._native: _native.Reward | None = None
        self._pid = 0
        self._names = self._here().columns(preset)

    def _here(self) -> _native.Reward:
        """What judges in this process."""
        native = self._native
        if native is None or self._pid != os.getpid():
            _inherited.append(native)
            workspace = self._workspace or Workspace.default()
            native = workspace._here().load(
                self._path, self._text, {name: Judge(function) for name, function in self._functions.items()}
            )
            for limits in self._limits:
                native = native.within_limits(json.dumps(limits))
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

        Where the reward compares the completions of a prompt (:attr:`needs_groups`), all of them have to be in one call:
        those with the same entry in the column ``group``, or, without one, with the same prompt and reference.

        :raises ValueError: when the columns are not equally long, or an entry is neither text nor chat.
        """
        rows, encode = self._rows(completions, prompts, reference, columns)
        return [Score(reward, form) for reward, form in self._here().score(rows, encode, self._preset)]

    async def ascore(
        self,
        *,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None = None,
        reference: Sequence[Any] | None = None,
        **columns: Sequence[Any],
    ) -> list[Score]:
        """As :meth:`score`, without blocking the event loop; what is cancelled is not judged any further."""
        rows, encode = self._rows(completions, prompts, reference, columns)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[tuple[float | None, str]]] = loop.create_future()
        if not len(completions):
            return []

        def settle(scores: list[tuple[float | None, str]]) -> None:
            if not future.done():
                future.set_result(scores)

        pending = self._here().start(rows, encode, self._preset, loop, settle)
        try:
            scores = await future
        finally:
            pending.cancel()
        if len(scores) != len(completions):
            raise RuntimeError("a score was lost, which is a bug in gavel")
        return [Score(reward, form) for reward, form in scores]

    @property
    def needs_groups(self) -> bool:
        """Whether the reward of a completion depends on the others of its prompt."""
        return self._here().needs_groups

    def _require_alone(self, asking: str) -> None:
        """Refuses a reward that compares completions where `asking` hands them in one at a time."""
        if self.needs_groups:
            raise ValueError(
                f"{self._path} compares the completions of a prompt, and {asking} hands them in one at a time: "
                "score whole groups with Reward.score"
            )

    @property
    def verifiers(self) -> list[str]:
        """The names of the verifiers, in the order of the reward file."""
        return self._here().verifiers

    @property
    def digests(self) -> dict[str, str]:
        """The digest (sha256) of each verifier's plugin, and of the interpreters that it runs programs with; empty for a
        function, of which nobody knows what it depends on."""
        return dict(self._here().digests)

    def _rows(
        self,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None,
        reference: Sequence[Any] | None,
        columns: Mapping[str, Sequence[Any]],
    ) -> tuple[Iterator[Any], Callable[[tuple[Any, ...]], str]]:
        """The submissions as rows of JSON, made as they are asked for: what comes first is judged meanwhile.

        Where there are only prompts, completions and references, it is these three, and what makes a row of JSON of them:
        three texts become a submission as they are.
        """
        prompt_name, completion_name, reference_name = parts = self._names
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
        # Two parts may be one column, as a chat holds prompt and completion.
        if len(set(parts)) == len(parts) and set(names) <= set(parts):
            names = list(parts)
            three = zip(table[prompt_name], completions, table.get(reference_name, [None] * count))
            return three, lambda values: _encode(dict(zip(names, values)))
        return (_encode(dict(zip(names, values))) for values in zip(*table.values())), _encode

    def __reduce__(self) -> tuple[Any, ...]:
        settings = (self._path, self._text, self._workspace, self._preset, self._functions, self._limits)
        return (_opened, (type(self), *settings))

    def __repr__(self) -> str:
        return f"<gavel_rl.Reward {self._path}: {', '.join(self.verifiers)}>"


def _opened(
    cls: type[Reward],
    path: str,
    text: str | None,
    workspace: Workspace | None,
    preset: str | None,
    functions: dict[str, Callable[..., Any]],
    limits: list[dict[str, Any]] | None = None,
) -> Reward:
    reward = cls.__new__(cls)
    reward._open(path, text, workspace, preset, functions, limits)
    return reward


def _plain(value: Any) -> Any:
    """NumPy's and torch's numbers and arrays as Python's own."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"a {type(value).__name__} in a column cannot be written as JSON")


_encode = json.JSONEncoder(default=_plain, check_circular=False).encode
