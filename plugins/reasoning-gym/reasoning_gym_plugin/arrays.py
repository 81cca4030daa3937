"""What reasoning-gym's scorers ask of NumPy, in plain Python: some ten functions on numbers and on small boards, to the same bit."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

#: Names that stand for NumPy's.
NAMES = ("abs", "allclose", "array", "empty", "float32", "isclose", "loadtxt", "ndarray", "round")

abs = abs


class float32:
    """The kind of number that `loadtxt` is asked for; numbers of it are Python's, rounded."""

    @staticmethod
    def of(number: float) -> float:
        try:
            return struct.unpack("f", struct.pack("f", number))[0]
        except OverflowError:
            return math.copysign(math.inf, number)


class ndarray:
    """A board: rows of the same length, or a list of numbers and its shape."""

    def __init__(self, rows: list, shape: tuple[int, ...]) -> None:
        self.rows, self.shape = rows, shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, tuple):
            return self.rows[at]
        row, column = at
        if isinstance(row, slice):
            return array([cells[column] for cells in self.rows[row]])
        return self.rows[row][column]

    def __setitem__(self, at: tuple[int, int], value: Any) -> None:
        self.rows[at[0]][at[1]] = value

    def tolist(self) -> list:
        return [list(row) for row in self.rows]

    def tobytes(self) -> bytes:
        """Of a board of letters: four bytes each, as NumPy keeps them."""
        return "".join(letter for row in self.rows for letter in row).encode("utf-32-le")


def array(rows: Sequence[Sequence]) -> ndarray:
    if len({len(row) for row in rows}) > 1:
        raise ValueError("setting an array element with a sequence: the rows have several lengths")
    return ndarray([list(row) for row in rows], (len(rows), len(rows[0]) if rows else 0))


def empty(shape: tuple[int, int], dtype: Any = float) -> ndarray:
    return ndarray([[None] * shape[1] for _ in range(shape[0])], tuple(shape))


def round(number: float, decimals: int = 0) -> float:
    """Scales, rounds to even, scales back; Python's own looks at the decimal digits."""
    scale = 10.0**decimals
    scaled = number * scale
    return (float(scaled.__round__()) if math.isfinite(scaled) else scaled) / scale


def isclose(a: float, b: float, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    return a == b or (math.isfinite(b) and abs(a - b) <= atol + rtol * abs(b))


def allclose(a: ndarray, b: ndarray, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Of two of what `loadtxt` gives; every step is rounded to their kind of number."""
    cut = float32.of
    rtol, atol = cut(rtol), cut(atol)

    def close(a: float, b: float) -> bool:
        return a == b or (math.isfinite(b) and cut(abs(cut(a - b))) <= cut(atol + cut(rtol * abs(b))))

    return all(close(*pair) for pair in zip(a.rows, b.rows, strict=True))


def loadtxt(lines: Sequence[str], dtype: type = float32) -> ndarray:
    """The numbers of lines with the same number of them, without axes of length one."""
    rows = [words for words in (line.split("#", 1)[0].split() for line in lines) if words]
    numbers = [[_number(word) for word in row] for row in rows]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("the number of columns changed")
    shape = (len(rows), len(rows[0])) if rows else (0,)
    return ndarray([number for row in numbers for number in row], tuple(length for length in shape if length != 1))


def _number(word: str) -> float:
    if not word.isascii() or "_" in word:
        raise ValueError(f"could not convert string {word!r} to float32")
    return float32.of(float(word))
