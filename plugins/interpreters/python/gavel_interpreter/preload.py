"""Imports the standard library into the snapshot.

The file system of the build is gone when a program runs, so a module that is not imported here cannot be imported
there. The README lists what this CPython does not have.
"""

import importlib
import pkgutil
import sys
import types

# Left out: tests, user interfaces, installers, and modules that do something when they are imported.
LEFT_OUT = {
    "__hello__",
    "__phello__",
    "antigravity",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pip",
    "test",
    "this",
    "tkinter",
    "turtle",
    "turtledemo",
    "venv",
}


def import_standard_library() -> None:
    """Imports every module that this CPython can import."""
    for name in sorted(sys.stdlib_module_names - LEFT_OUT):
        _import(name)
    _stand_in_for_resource()


def _import(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except BaseException:  # what it needs is not here; a module may even exit
        return
    for _, child, _ in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if child not in ("__main__", "test", "tests"):
            _import(f"{name}.{child}")


def _stand_in_for_resource() -> None:
    """Programs raise their own stack limit out of habit. Here the host limits them, so there is nothing to raise."""
    resource = types.ModuleType("resource", "Limits are the host's: setting one is accepted and does nothing.")
    names = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS")
    for number, name in enumerate(names):
        setattr(resource, f"RLIMIT_{name}", number)
    resource.RLIM_INFINITY = -1
    resource.error = OSError
    resource.getrlimit = lambda resource: (-1, -1)
    resource.setrlimit = lambda resource, limits: None
    sys.modules["resource"] = resource
