"""Answers that scorers hand to `eval` and to SymPy's `parse_expr`, which is `eval` too.

The sandbox keeps such an answer from everything but its own scorer, and that is what a policy is paid by: code in an answer
reads the reference from the scorer's frame, or calls `integrate`. So only literals and formulas are evaluated here, and all
else is refused as what does not parse is.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import tokenize
from typing import Any

import sympy
from sympy.core.function import FunctionClass
from sympy.core.numbers import Integer, Rational
from sympy.parsing import sympy_parser

from reasoning_gym.algorithmic import binary_matrix, spiral_matrix, string_insertion
from reasoning_gym.games import countdown, n_queens, puzzle24

#: Functions of SymPy's and Python's that are no classes of functions, and belong in formulas.
FUNCTIONS = {"sqrt", "cbrt", "root", "Rational", "Integer", "Float", "Add", "Mul", "Pow", "abs", "min", "max", "pow"}
SIGNS = set("+ - * / // ** % ( ) [ ] , ! < > <= >= == != = ^ & | ~".split())
HARMLESS = (
    tokenize.NUMBER, tokenize.COMMENT, tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip
NODES = (
    ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Load, ast.UnaryOp, ast.UAdd, ast.USub,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult,
)  # fmt: skip
#: 60,000 decimal digits: more than any answer has.
MOST_BITS = 200_000


class Refused(ValueError):
    """The answer is no formula."""


def install() -> None:
    """Puts `evaluated` and `parsed` where the scorers look for `eval` and `parse_expr`."""
    for module in (binary_matrix, n_queens, spiral_matrix, string_insertion):
        module.eval = evaluated
    for module in (countdown, puzzle24, sympy):
        module.parse_expr = parsed
    for number in (Integer, Rational):
        number._eval_power = _bounded(number._eval_power)


def evaluated(text: str) -> Any:
    """The value of literals in lists, tuples and the like."""
    tree = ast.parse(text.strip(" \t"), mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            raise Refused(f"{type(node).__name__} is no literal")
    return eval(compile(tree, "<answer>", "eval"), {"__builtins__": {}})


def parsed(text: str, local_dict: dict | None = None, **named: Any) -> Any:
    """What SymPy makes of a formula."""
    for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
        _check(token, local_dict or {})
    return _parse_expr(text, local_dict=local_dict, **named)


_parse_expr = sympy_parser.parse_expr


def _check(token: tokenize.TokenInfo, names: dict) -> None:
    kind, word = token.type, token.string
    if kind == tokenize.NAME:
        if word not in names and not _is_of_formulas(word):
            raise Refused(f"`{word}` is no name in a formula")
    elif kind in (tokenize.OP, tokenize.ERRORTOKEN):
        if word.strip() and word not in SIGNS:
            raise Refused(f"`{word}` is no sign in a formula")
    elif kind not in HARMLESS:
        raise Refused(f"`{word}` does not belong in a formula")


def _is_of_formulas(word: str) -> bool:
    """Unknown names become symbols; of those that SymPy and Python know, functions and constants are harmless."""
    if word in FUNCTIONS or word in ("True", "False"):
        return True
    if word.startswith("_") or keyword.iskeyword(word):
        return False
    known = vars(sympy).get(word)
    if known is None:
        return not hasattr(builtins, word)
    return isinstance(known, (FunctionClass, sympy.Basic))


def _bounded(power):
    """No answer needs `9**9**9`, and working it out takes all the fuel there is."""

    def bounded(base, exponent):
        if isinstance(exponent, Rational):
            bits = max(base.p.__abs__(), base.q).bit_length()
            if bits > 1 and bits * exponent.p.__abs__() > MOST_BITS * exponent.q:
                raise Refused("a power is too large to be worked out")
        return power(base, exponent)

    return bounded
