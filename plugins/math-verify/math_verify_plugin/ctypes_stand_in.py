"""SymPy asks `ctypes` for the size of a C long; CPython on WebAssembly has no `ctypes`."""

import sys
import types


def install() -> None:
    """Gives SymPy the answer of 64-bit Linux, where `ctypes` is missing."""
    try:
        import ctypes  # noqa: F401
    except ImportError:
        stand_in = types.ModuleType("ctypes", __doc__)
        stand_in.c_long = type("c_long", (), {})
        stand_in.sizeof = lambda kind: 8
        sys.modules["ctypes"] = stand_in
