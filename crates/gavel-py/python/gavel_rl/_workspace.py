"""Workspaces: the threads that judge, and what is loaded into them, once for each process."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, ClassVar

from . import _native

# Threads do not survive a fork. What a child has inherited is of no use to it, and is kept here: to let go of it would
# be to wait for threads that are not there.
_inherited: list[object] = []


class Workspace:
    """One set of worker threads that judges for any number of rewards.

    Every reward that is given none shares :meth:`default`, so a process needs another only for other settings. After a
    fork, and where it was unpickled, it starts anew when it is first used.

    :param jobs: Threads that judge; as many as the machine runs at once, if it is not said.
    :param cache_dir: Where compiled plugins are kept; ``GAVEL_CACHE_DIR``, else the user's own folder.
    :param plugin_path: Folders to look for plugins in, after the reward file's own; ``GAVEL_PLUGIN_PATH`` and the user's
        own folder come after these.
    """

    _default: ClassVar[Workspace | None] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        *,
        jobs: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        plugin_path: tuple[str | os.PathLike[str], ...] | list[str | os.PathLike[str]] = (),
    ) -> None:
        # A worker that unpickles this may have another working directory.
        self._jobs = jobs
        self._cache_dir = None if cache_dir is None else os.path.abspath(cache_dir)
        self._plugin_path = [os.path.abspath(folder) for folder in plugin_path]
        self._native: _native.Workspace | None = None
        self._pid = 0
        self._here()

    @classmethod
    def default(cls) -> Workspace:
        """The one that rewards share."""
        if cls._default is None:
            workspace = cls()
            cls._default = cls._default or workspace
        return cls._default

    @property
    def jobs(self) -> int:
        """Threads that judge."""
        return self._here().jobs

    def _here(self) -> _native.Workspace:
        """What judges in this process."""
        native = self._native
        if native is not None and self._pid == os.getpid():
            return native
        with Workspace._lock:
            if self._native is None or self._pid != os.getpid():
                _inherited.append(self._native)
                folders = [*self._plugin_path, *_own_plugin_path()]
                # The keys of judges' endpoints are in the environment, under the names that reward files have for them.
                self._native = _native.Workspace(
                    self._jobs, self._cache_dir or _own_cache(), folders, os.environ.get
                )
                self._pid = os.getpid()
            return self._native

    def __reduce__(self) -> tuple[Any, ...]:
        if self is Workspace._default:
            return (Workspace.default, ())
        return (_workspace, (self._jobs, self._cache_dir, self._plugin_path))


def _workspace(jobs: int | None, cache_dir: str | None, plugin_path: list[str]) -> Workspace:
    return Workspace(jobs=jobs, cache_dir=cache_dir, plugin_path=list(plugin_path))


def _user_folder(variable: str, below_home: str) -> Path | None:
    """A folder of the user's, by the XDG base directory specification."""
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named
    try:
        return Path.home() / below_home
    except RuntimeError:
        return None


def _own_cache() -> str | None:
    named = os.environ.get("GAVEL_CACHE_DIR")
    if named:
        return named
    folder = _user_folder("XDG_CACHE_HOME", ".cache")
    if folder is None:
        return None
    try:
        # The host refuses a folder that others can write to, whatever the umask.
        (folder / "gavel").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder / "gavel")


def _own_plugin_path() -> list[str]:
    named = [folder for folder in os.environ.get("GAVEL_PLUGIN_PATH", "").split(os.pathsep) if folder]
    own = _user_folder("XDG_DATA_HOME", ".local/share")
    if own is not None and (own / "gavel/plugins").is_dir():
        named.append(str(own / "gavel/plugins"))
    return named


def _forked() -> None:
    # The fork may have caught it held, by a thread that is not here.
    Workspace._lock = threading.Lock()


os.register_at_fork(after_in_child=_forked)
