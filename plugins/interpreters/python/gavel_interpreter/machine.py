"""Programs are written for 64-bit machines, and WebAssembly is one of 32 bits: closes the gap where programs see it."""

import functools
import sys


def install() -> None:
    """`sys.maxsize` is the field's infinity: smaller than real test values, it would make right programs wrong."""
    sys.maxsize = 2**63 - 1
    wrapped = functools.lru_cache

    @functools.wraps(wrapped)
    def lru_cache(maxsize=128, typed=False):
        # A cache that this machine cannot count is as large as one without a limit.
        return wrapped(None if isinstance(maxsize, int) and maxsize >= 2**31 else maxsize, typed)

    functools.lru_cache = lru_cache
