# Writes values as the JSON that src/value/wire.rs reads. Part of every driver, and compiled in every run, so it is
# short: what is seldom needed is in rare.py.
import json


def encode(value, depth=60):
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else {"int": hex(value)}
    if kind is str:
        if value.isascii():
            return value
        try:
            value.encode()
            return value
        except UnicodeEncodeError:
            return {"surrogates": value.encode("utf-8", "surrogatepass").hex()}
    if kind is float:
        return {"float": repr(value)}
    if depth == 0:
        raise ValueError("nested too deeply to be compared")
    depth -= 1
    if kind is list:
        return [encode(item, depth) for item in value]
    if kind is dict:
        return {"dict": [[encode(key, depth), encode(item, depth)] for key, item in value.items()]}
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [encode(item, depth) for item in value]}
    if "encode_rare" not in globals():
        exec(RARE, globals())
    return encode_rare(value, kind, depth)
