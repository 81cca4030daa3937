"""Writes a plugin that counts for a while and says how long the completion is: `slow_plugin.py LOOPS FILE`.

It is a WASI command: a core module with `_start` that reads nothing and writes a verdict. A loop takes about a
nanosecond, so 50,000,000 of them are some 50 ms of a verifier.
"""

import pathlib
import sys


def number(value: int) -> bytes:
    """LEB128, unsigned."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def signed(value: int) -> bytes:
    """LEB128, signed."""
    out = bytearray()
    while True:
        low = value & 0x7F
        value >>= 7
        done = (value == 0 and not low & 0x40) or (value == -1 and low & 0x40)
        out.append(low | (0 if done else 0x80))
        if done:
            return bytes(out)


def vector(items: list[bytes]) -> bytes:
    return number(len(items)) + b"".join(items)


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + number(len(content)) + content


def name(text: str) -> bytes:
    return number(len(text)) + text.encode()


def module(loops: int) -> bytes:
    verdict = b'{"reward":1}'
    i32, i64 = b"\x7f", b"\x7e"
    write = b"\x60" + vector([i32] * 4) + vector([i32])
    start = b"\x60" + vector([]) + vector([])
    count = (
        b"\x42" + signed(loops) + b"\x21\x00"  # local 0 = loops
        + b"\x03\x40"  # loop
        + b"\x20\x00\x42\x01\x7d\x22\x00"  # local 0 -= 1
        + b"\x50\x45\x0d\x00\x0b"  # again while it is not 0
        + b"\x41\x01\x41\x00\x41\x01\x41\x08\x10\x00\x1a\x0b"  # fd_write(1, 0, 1, 8)
    )
    body = vector([number(1) + i64]) + count
    vectors = (16).to_bytes(4, "little") + len(verdict).to_bytes(4, "little")
    data = [(0, vectors), (16, verdict)]
    return b"".join([
        b"\0asm\x01\0\0\0",
        section(1, vector([write, start])),
        section(2, vector([name("wasi_snapshot_preview1") + name("fd_write") + b"\x00\x00"])),
        section(3, vector([number(1)])),
        section(5, vector([b"\x00\x01"])),
        section(7, vector([name("memory") + b"\x02\x00", name("_start") + b"\x00\x01"])),
        section(10, vector([number(len(body)) + body])),
        section(11, vector([b"\x00\x41" + signed(at) + b"\x0b" + number(len(text)) + text for at, text in data])),
    ])


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_bytes(module(int(sys.argv[1])))
