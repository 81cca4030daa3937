# Writes values as the JSON that src/value/wire.rs reads: those that are common. Part of every driver.
import json


def encode(value, depth=60):
    kind = type(value)
    if value is None or kind is bool or kind is str and value.isascii():
        return value
    if kind is int and -(1 << 53) < value < 1 << 53:
        return value
    if kind is float:
        return {"float": repr(value)}
    if kind is list and depth:
        return [encode(item, depth - 1) for item in value]
    if kind is tuple and depth:
        return {"tuple": [encode(item, depth - 1) for item in value]}
    if kind is dict and depth:
        return {"dict": [[encode(key, depth - 1), encode(item, depth - 1)] for key, item in value.items()]}
    return encode_rare(value, kind, depth)
