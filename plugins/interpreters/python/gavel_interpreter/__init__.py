"""The component: runs one untrusted Python program, as `python program.py` would.

componentize-py imports this package once, at build time, and keeps the interpreter's memory as it is then: what is
imported and prepared here costs a program nothing. The host makes a fresh instance of that snapshot for every program,
calls `execute` once and throws the instance away, so nothing here has to clean up or to defend itself against what
a program leaves behind.
"""

# What the programs of `code` begin with, first: so their modules lie side by side, and not on a page each. Every
# page that a program writes to (it counts references) is copied for it.
import binascii, collections, copy, decimal, fractions, io, json, operator, os, random  # noqa: E401, F401
import ast  # noqa: F401

import gc
import sys

from wit_world import exports
from wit_world.exports.execution import End, End_Exited, End_Raised, Language

from gavel_interpreter import heap, machine, preload, process, single_thread

VERSION = "%d.%d.%d" % sys.version_info[:3]
SUMMARY = (
    "CPython and its standard library: no packages (numpy), no processes, no sockets, no files; "
    "a thread runs to its end when it is started."
)

# Bytes that most programs do with.
ROOM = 2 << 20


class Execution(exports.Execution):
    """What the host calls."""

    def describe(self) -> Language:
        return Language(name="python", version=VERSION, summary=SUMMARY)

    def execute(self, source: str) -> End:
        code = process.run(source)
        return End_Raised() if code is None else End_Exited(code)


preload.import_standard_library()
machine.install()
single_thread.install()
process.prepare()
# Room for what programs allocate. Memory that grows costs the host two changes of its address space for every program,
# for which every thread that judges waits; what the snapshot has from the start costs none.
bytearray(ROOM)
# What is alive now lives as long as the snapshot; the collector need not look at it, nor dirty its pages.
heap.compact()
gc.freeze()
