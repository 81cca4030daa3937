"""Openings: texts that programs often start with, compiled at build time.

Compiling costs more than running: the hundred lines with which the plugin `code` starts its programs took two thirds
of a short program's time. A program that starts with such a text, to the letter, means the same as ever, sooner.
"""

import types

import gavel_openings

_CODES = [(text, compile(text, "program.py", "exec", dont_inherit=True)) for text in gavel_openings.TEXTS]


def split(source: str) -> tuple[list[types.CodeType], str]:
    """The compiled openings of a program, in order, and the rest of it with its line numbers."""
    codes, start = [], 0
    while True:
        opening = next(((text, code) for text, code in _CODES if source.startswith(text, start)), None)
        if opening is None:
            return codes, "\n" * source.count("\n", 0, start) + source[start:] if codes else source
        start += len(opening[0])
        codes.append(opening[1])
