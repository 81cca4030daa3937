# The types of what is in Rust.

from collections.abc import Callable, Iterable
from typing import Any

__version__: str

#: Prompt, completion and reference.
Parts = tuple[Any, Any, Any]

class RewardError(Exception): ...

class Workspace:
    def __new__(
        cls, jobs: int | None, cache_dir: str | None, plugin_path: list[str], secret: Callable[[str], str | None]
    ) -> Workspace: ...
    @property
    def jobs(self) -> int: ...
    def load(self, path: str, text: str | None, functions: dict[str, Callable[..., Any]]) -> Reward: ...

class Reward:
    def columns(self, preset: str | None = None) -> list[str]: ...
    def score(
        self, rows: Iterable[str | Parts], encode: Callable[[Any], str], preset: str | None = None
    ) -> list[tuple[float | None, str]]: ...
    def start(
        self,
        rows: Iterable[str | Parts],
        encode: Callable[[Any], str],
        preset: str | None,
        event_loop: Any,
        settle: Callable[[list[tuple[float | None, str]]], None],
    ) -> Pending: ...
    def within_limits(self, limits: str) -> Reward: ...
    @property
    def needs_groups(self) -> bool: ...
    @property
    def verifiers(self) -> list[str]: ...
    @property
    def digests(self) -> list[tuple[str, str]]: ...

class Pending:
    def cancel(self) -> None: ...

def toml_of(json: str) -> str: ...
