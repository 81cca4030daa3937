"""Numbers that no answer needs are not worked out: one tower of powers in a completion would leave it without a verdict."""

from sympy.core.numbers import Integer, Rational
from sympy.functions.combinatorial.factorials import binomial, factorial

# 60,000 decimal digits: far more than any answer has, and cheap to compare.
MOST_BITS = 200_000
# The factorial of this has some 35,000 digits.
LARGEST_FACTORIAL = 10_000
# What is nested more deeply than this takes the parser's own stack and time.
DEEPEST = 500


class TooLarge(BaseException):
    """A number is too large to be worked out. No `Exception`: Math-Verify takes those for what does not parse."""


def install() -> None:
    """Has SymPy refuse powers, factorials and binomial coefficients beyond that size."""
    for number in (Integer, Rational):
        number._eval_power = _bounded_power(number._eval_power)
    for function in (factorial, binomial):
        function.eval = classmethod(_bounded_argument(function.eval.__func__))


def is_nested_too_deeply(text: str) -> bool:
    """Whether more brackets are open at once than any formula has."""
    depth = 0
    for sign in text:
        if sign in "([{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif sign in ")]}":
            depth = max(depth - 1, 0)
    return False


def _bounded_power(power):
    def bounded(base, exponent):
        if isinstance(exponent, Rational) and isinstance(base, Rational):
            bits = max(abs(base.p), base.q).bit_length()
            if bits > 1 and bits * abs(exponent.p) > MOST_BITS * exponent.q:
                raise TooLarge
        return power(base, exponent)

    return bounded


def _bounded_argument(evaluate):
    def bounded(cls, number, *others):
        if isinstance(number, Integer) and abs(number.p) > LARGEST_FACTORIAL:
            # `\binom{1000000}{2}` is small: its other argument bounds it.
            smaller = min((min(abs(it.p), abs(number.p - it.p)) for it in others if isinstance(it, Integer)), default=None)
            if smaller is None or smaller * number.p.bit_length() > MOST_BITS:
                raise TooLarge
        return evaluate(cls, number, *others)

    return bounded
