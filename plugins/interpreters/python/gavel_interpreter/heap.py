"""Makes the heap of the snapshot one that a program fills from one end.

Importing the standard library leaves some hundred thousand holes between the objects that stay. The C library's
allocator would give these to a program first, each on another page, and the first write to a page of the snapshot costs
a fault and a copy: a short program met two hundred of them for some 200 kB of objects. So the holes are filled, and the
program's objects lie side by side in fresh memory at the end, which is there from the start.
"""

import collections
import gc

# Bytes of free memory at the end of the heap: what short programs need without asking for more.
_ROOM = 2 << 20

# Bytes that the allocator wants for a `bytes` object beside its contents.
_BYTES = 17

# In small blocks of its own, which lie in holes as well.
_held = collections.deque()


def compact() -> None:
    """Fills the holes, for good."""
    gc.collect()  # which also empties the interpreter's own lists of free objects
    end = _end()
    marker = bytes(_ROOM)
    beyond = []
    while id(marker) < end:  # it fell into a hole
        _held.append(marker)
        marker = bytes(_ROOM)
    end = id(marker)
    for size in _sizes():
        while True:
            filler = bytes(size - _BYTES)
            if id(filler) > end:
                beyond.append(filler)
                break
            _held.append(filler)
    while id(filler := object()) < end:  # what is smaller than any text
        _held.append(filler)


def _end() -> int:
    """Where the last object is."""
    return max(map(id, gc.get_objects()))


def _sizes() -> list[int]:
    """Sizes to fill holes with, from the largest: the small ones are those of the allocator's own lists."""
    sizes, size = [], _ROOM // 2
    while size > 256:
        sizes.append(size)
        size -= max(8, size // 8) // 8 * 8
    return sizes + list(range(256, _BYTES + 7, -8))
