"""What surrounds a program: its streams, its `__main__` module, its traceback and its exit code."""

import atexit
import builtins
import io
import linecache
import os
import sys
import threading
import traceback
import types

from gavel_interpreter import openings

FILENAME = "program.py"

# What CPython exits with when the last output could not be written.
LOST_OUTPUT = 120

# Frames between the engine and a program's module: `execute`, `run` and `_execute`.
_OWN_FRAMES = 3


def prepare() -> None:
    """Makes the snapshot look like a process that has just started."""
    _open_streams()
    sys.path[:] = []
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = True
    linecache.clearcache()
    # A program may recurse as deeply as it could on its own; the frames below it are ours.
    sys.setrecursionlimit(sys.getrecursionlimit() + _OWN_FRAMES)
    # Contest programs print integers of any length, and their graders lift the limit; fuel bounds what that costs.
    sys.set_int_max_str_digits(0)


def run(source: str) -> int | None:
    """Runs a program to its end. Returns its exit code, or nothing where it raised an error that nobody caught."""
    code = _execute(source)
    _run_exit_functions()
    lost = not _flush()
    _drop_globals()
    lost |= not _flush()
    return LOST_OUTPUT if lost and code == 0 else code


def _open_streams() -> None:
    """Standard streams as `python program.py` has them behind pipes. Those of the build are unbuffered."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    raw = io.FileIO(2, "w", closefd=False)
    stderr = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    sys.stderr = sys.__stderr__ = stderr
    for stream, name, mode in ((sys.stdin, "<stdin>", "r"), (sys.stdout, "<stdout>", "w"), (stderr, "<stderr>", "w")):
        stream.mode = mode
        stream.buffer.raw.name = name


def _execute(source: str) -> int | None:
    source = source.removeprefix("\ufeff")
    sys.argv[:] = [FILENAME]
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    main.__file__ = FILENAME
    sys.modules["__main__"] = main
    # Tracebacks and `inspect.getsource` find the source here, since there is no file.
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(True), FILENAME)
    begun, rest = openings.split(source)
    try:
        for code in (*begun, compile(rest, FILENAME, "exec", dont_inherit=True)):
            exec(code, main.__dict__)
    except SystemExit as exit:
        return _exit_code(exit.code)
    except BaseException as error:
        _report(error)
        return None
    return 0


def _exit_code(code: object) -> int:
    """The exit code of `sys.exit(code)`, as CPython decides it."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**31) <= code < 2**31 else 0xFF
    print(code, file=sys.stderr)
    return 1


def _report(error: BaseException) -> None:
    """Prints the traceback from the program's own frames on."""
    kind, frames = type(error), error.__traceback__
    frames = frames.tb_next if frames else None
    error.__traceback__ = frames
    sys.last_exc = error
    try:
        sys.excepthook(kind, error, frames)
    except BaseException as second:
        print("Error in sys.excepthook:", file=sys.stderr)
        traceback.print_exception(second)
        print("\nOriginal exception was:", file=sys.stderr)
        traceback.print_exception(error)


def _run_exit_functions() -> None:
    """What a program registered with `atexit`; buffered output is often written there."""
    for function in reversed(threading._threading_atexits):
        try:
            function()
        except BaseException as error:
            traceback.print_exception(error)
    atexit._run_exitfuncs()


def _flush() -> bool:
    """Writes what is still buffered; returns whether that worked."""
    kept = True
    # A program may have put something else in the place of `sys.stdout` and written to the original at the end.
    for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException as error:
            kept = False
            if stream is not sys.stderr:
                print(f"Exception ignored while flushing sys.stdout: {type(error).__name__}: {error}", file=sys.stderr)
    return kept


def _drop_globals() -> None:
    """Lets the program's objects go, so that their `__del__` has its say, as at the end of a process."""
    names = sys.modules["__main__"].__dict__ if "__main__" in sys.modules else {}
    for private in (True, False):
        for name in list(names):
            if name.startswith("_") == private and not name.startswith("__"):
                names[name] = None
