"""Makes a component of a plugin's module, by way of componentize-py."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Sequence

from gavel_plugin import explain

# What the component runs first. Bytecode goes to a folder of ours, and no file of the user's is written to.
_BYTECODE = """import sys
sys.pycache_prefix = "/0/bytecode"
"""

_PLUGIN = """import {module}
from gavel_plugin.component import seal
from gavel_plugin.{exports} import {name}
seal()
"""

# What a plugin exports, by its world.
_EXPORTS = {
    "plugin": {"exports": "component_verifier", "name": "Verifier"},
    "group-plugin": {"exports": "component_group_verifier", "name": "GroupVerifier"},
}

# Folders beside a verifier that hold no modules of its own.
_NO_SOURCES = {"target", "node_modules", "__pycache__", "build", "dist"}


def build(source: Path, output: Path, paths: Sequence[Path] = ()) -> None:
    """Builds `source`, a module or a package, with what it imports from beside it and from `paths`.

    The module is imported now, and the component starts with the memory as it is then: what runs at import (tables,
    caches, a warm-up) costs a submission nothing, and a module that is not imported now cannot be imported later.
    """
    if source.stem in sys.stdlib_module_names:
        raise SystemExit(f"{source.name} has the name of a module of Python's own, which would be imported in its place; rename it")
    package = Path(__file__).resolve().parent
    own = [source, *_siblings(source)]
    for note in explain.check(own):
        print(f"note: {note}")
    world = "group-plugin" if explain.judges_groups(source) else "plugin"
    entry = _PLUGIN.format(module=source.stem, **_EXPORTS[world])
    componentize(world, entry, output, [package, *own], paths)


def componentize(world: str, entry: str, output: Path, sources: Sequence[Path], paths: Sequence[Path] = ()) -> None:
    """Makes a component of `world`, which is one of those in sdk/wit, from the lines of Python in `entry`.

    They may import `sources` (modules or packages) and what is in the folders `paths`.
    """
    try:
        import componentize_py
    except ImportError:
        raise SystemExit("componentize-py is not installed: pip install componentize-py==0.25.1") from None
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder)
        for source in sources:
            _copy(source, staged / source.name)
        (staged / "gavel_component.py").write_text(_BYTECODE + entry)
        output.parent.mkdir(parents=True, exist_ok=True)
        made = staged / "component.wasm"
        sys.argv = ["componentize-py", "--quiet", "--wit-path", str(_contract()), "--world", world]
        sys.argv += ["componentize", "gavel_component", "--output", str(made)]
        for path in [staged, *paths]:
            sys.argv += ["--python-path", str(path)]
        if sys.prefix != sys.base_prefix:  # componentize-py looks for packages there; activation sets it too
            os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
        # Twice: the first time compiles every module, and leaves the compiler's garbage between the objects that
        # stay. The second finds the bytecode. Math-Verify: 55 MB instead of 79, and half the time per submission.
        for _ in range(2):
            try:
                componentize_py.script()
            except Exception as error:  # it carries what Python said in the sandbox, among frames of the builder's
                raise SystemExit(explain.failure(str(error), paths)) from None
        shutil.move(made, output)


def _siblings(source: Path) -> list[Path]:
    """The modules and packages beside a verifier, which it may import as it could in any Python."""
    if source.is_dir():
        return []

    def is_importable(path: Path) -> bool:
        if path.name.startswith(".") or path.name in _NO_SOURCES or path.name == source.name:
            return False
        if path.is_dir():  # an environment is one too, and holds everything
            return not (path / "pyvenv.cfg").exists() and any(path.glob("*.py"))
        return path.suffix == ".py"

    return sorted(path for path in source.resolve().parent.iterdir() if is_importable(path))


def _copy(source: Path, to: Path) -> None:
    """Copies a module or package, so that nothing is written beside the sources."""
    if source.is_dir():
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, to)


def _contract() -> Path:
    """The contract's WIT: in the package where it is installed, else in gavel's checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "wit", package.parents[1] / "wit"):
        if (folder / "world.wit").is_file():
            return folder
    raise SystemExit(f"gavel's WIT files are neither in {package} nor in sdk/wit beside it; install the package again")
