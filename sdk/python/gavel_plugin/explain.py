"""What is wrong with a plugin's source, in Python's own words, and what it cannot have in the sandbox."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Iterator, Sequence

# A plugin's own list of packages, which `gavel plugin build` has installed for it.
REQUIREMENTS = "requirements.txt"

# Modules that can be imported, or not even that, and cannot do in the sandbox what they are for.
_ABSENT = {
    "threading": "there are no threads; gavel's limits bound the time",
    "concurrent.futures": "there are no threads; gavel's limits bound the time",
    "multiprocessing": "there are no processes; gavel's limits bound the time",
    "signal": "there are no signals; gavel's limits bound the time",
    "subprocess": "there are no processes",
    "socket": "there is no network",
    "urllib.request": "there is no network",
    "http.client": "there is no network",
    "requests": "there is no network",
    "httpx": "there is no network",
    "ctypes": "there are no native libraries",
}


# Functions that end or start processes, of which the sandbox has one, the plugin's.
_OF_PROCESSES = {
    "os._exit": "it ends the plugin, and the submission has no verdict; return one, or raise an error",
    "os.abort": "it ends the plugin, and the submission has no verdict; return one, or raise an error",
    "os.fork": "there are no processes",
    "os.kill": "there are no processes",
    "os.popen": "there are no processes",
    "os.system": "there are no processes",
}


def judges_groups(source: Path) -> bool:
    """Whether the plugin, a module or a package, decorates a function with `@group_verifier`.

    It says which world the component is of, which has to be known before the plugin is imported.
    """

    def is_it(decorator: ast.expr) -> bool:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
        return name == "group_verifier"

    trees = (ast.parse(file.read_bytes(), file.name) for file in _files([source]))
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return any(is_it(decorator) for function in functions for decorator in function.decorator_list)


def check(sources: Sequence[Path]) -> list[str]:
    """Says of the author's files what the sandbox does not have of what they import or call, a sentence each.

    Raises `SystemExit` with Python's own message where a file is no Python.
    """
    notes = []
    for file in _files(sources):
        try:
            tree = ast.parse(file.read_bytes(), file.name)
        except (SyntaxError, ValueError) as error:
            raise SystemExit(_syntax(error, file)) from None
        for line, module in sorted(set(_imports(tree))):
            absent = next((name for name in _ABSENT if module == name or module.startswith(f"{name}.")), None)
            if absent is not None:
                notes.append(f"{file.name}:{line}: `{module}` does not work in the sandbox: {_ABSENT[absent]}")
        for line, function in sorted(set(_functions_of_processes(tree))):
            notes.append(f"{file.name}:{line}: `{function}` does not work in the sandbox: {_OF_PROCESSES[function]}")
    return notes


def failure(text: str, paths: Sequence[Path] = ()) -> str:
    """What stopped the build, from what componentize-py says: the traceback of the sandbox's Python, without the frames of
    the builder's own, and a line on packages that can never be loaded.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    starts = [number for number, line in enumerate(lines) if _START in line]
    said = _traceback(lines[starts[0] :]) if starts else [line for line in lines if line.strip()][:20]
    native = _native_packages(paths)
    named = [name for name in native if any(re.search(rf"\b{re.escape(name)}\b", line) for line in said)]
    if named:
        said = [line for line in said if not _is_advice(line)]
        said.append(
            f"{', '.join(named)}: a package with native extensions, which the sandbox cannot load; "
            "a plugin's packages must be pure Python"
        )
    if any(line.startswith("FileNotFoundError:") for line in said):
        said.append(
            "a plugin has no files, also while it is imported: put what it reads into a module beside it "
            "(`WORDS = [...]` in words.py, `from words import WORDS`), which becomes part of the plugin"
        )
    missing = next(filter(None, map(_MISSING.match, said)), None)
    if missing:
        said.append(_on_missing(missing[1].partition(".")[0]))
    return "\n".join(said)


_MISSING = re.compile(r"^ModuleNotFoundError: No module named '([^']+)'")


def _on_missing(package: str) -> str:
    """What to do about a package that is not there when the plugin is built."""
    if package in sys.stdlib_module_names:
        return f"{package}: the sandbox's Python is built without it"
    return (
        f"{package}: what a plugin imports lies beside it, or is a package that {REQUIREMENTS} beside gavel.toml asks for, "
        "as pip reads it; packages must be pure Python: those with native extensions (numpy, torch) cannot be loaded"
    )


def _files(sources: Sequence[Path]) -> Iterator[Path]:
    for source in sources:
        if source.is_dir():
            yield from sorted(path for path in source.rglob("*.py") if "__pycache__" not in path.parts)
        else:
            yield source


def _syntax(error: Exception, file: Path) -> str:
    """A syntax error as Python shows it, with the file as its author calls it."""
    if not isinstance(error, SyntaxError):
        return f"{file}: {error}"
    lines = [f'  File "{file}", line {error.lineno}']
    if error.text:
        text = error.text.rstrip("\n")
        indent = len(text) - len(text.lstrip())
        lines.append(f"    {text.lstrip()}")
        if error.offset:
            lines.append(f"    {' ' * max(error.offset - 1 - indent, 0)}^")
    lines.append(f"{type(error).__name__}: {error.msg}")
    return "\n".join(lines)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def _functions_of_processes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            named = [(node.lineno, f"{node.value.id}.{node.attr}")]
        elif isinstance(node, ast.ImportFrom):
            named = [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        else:
            continue
        yield from ((line, name) for line, name in named if name in _OF_PROCESSES)


# The files of a traceback that are nobody's business but the builder's.
_BUILDERS = ("gavel_component.py", "<frozen ", "componentize_py_")

_START = "Traceback (most recent call last):"

_FRAME = re.compile(r'\s*File "([^"]*)", line \d+')


def _traceback(lines: Sequence[str]) -> list[str]:
    """The traceback at the start of these lines: its frames with the author's first word, and the exception."""
    kept = [_START]
    hidden = False
    for line in lines[1:]:
        text = line.strip()
        frame = _FRAME.match(line)
        if frame:
            hidden = any(name in frame[1] for name in _BUILDERS)
        if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning)\b", text):
            # The exception ends it, with the lines of its message.
            rest = lines[lines.index(line) :]
            kept += _message(rest)
            break
        if not hidden and text:
            # The sandbox sees each folder of the path as a number.
            kept.append(re.sub(r'File "/\d+/', 'File "', line))
    return kept


def _message(lines: Sequence[str]) -> list[str]:
    """The lines of an exception's message: up to the builder's next words."""
    message = [lines[0].strip()]
    for line in lines[1:]:
        text = line.strip()
        if not text or text.startswith(("Caused by", "Stack backtrace", "Location:")) or re.match(r"\d+: ", text):
            break
        message.append(text)
    return message[:8]


def _is_advice(line: str) -> bool:
    """A package's advice on how to install it again, which does not help here."""
    return line.startswith(("IMPORTANT:", "http", "* ", "Original error was"))


def _native_packages(paths: Sequence[Path]) -> list[str]:
    """The packages in these folders that have native extensions."""
    names = set()
    for path in paths:
        for end in ("*.so", "*.pyd", "*.dylib"):
            for file in path.rglob(end):
                names.add(file.relative_to(path).parts[0].partition(".")[0])
    return sorted(names)
