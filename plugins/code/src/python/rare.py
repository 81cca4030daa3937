# Writes the values that encode.py does not know: other builtin types, a few of the library's, and subclasses that
# compare as their builtin bases do.
consuming = True


def encode_named(value, kind, depth):
    """See objects.py: a named tuple is a tuple where no test could look at its fields."""


def encode_rare(value, kind, depth):
    import builtins, collections, datetime, decimal, fractions, itertools, sys

    if kind is str:
        try:
            value.encode()
            return value
        except UnicodeEncodeError:
            return {"surrogates": value.encode("utf-8", "surrogatepass").hex()}
    if kind is int:
        return {"int": hex(value)}
    if depth == 0:
        raise ValueError("nested too deeply to be compared")
    depth -= 1
    if kind in (set, frozenset):
        # In an order that is the same in every run, since calls are told apart by their arguments.
        return {kind.__name__: sorted((encode(item, depth) for item in value), key=json.dumps)}
    if kind in (bytes, bytearray):
        return {"bytes": value.hex()}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    if kind is slice:
        return {"slice": [encode(part) for part in (value.start, value.stop, value.step)]}
    if kind is range:
        return {"range": [encode(part) for part in (value.start, value.stop, value.step)]}
    if kind is fractions.Fraction:
        return {"fraction": [hex(value.numerator), hex(value.denominator)]}
    if kind is decimal.Decimal:
        return {"decimal": str(value)}
    if kind in (datetime.date, datetime.datetime, datetime.time, datetime.timedelta):
        told = encode_time(value)
        return {kind.__name__: told} if told else encode_other(value, kind)
    if kind is collections.deque:
        return {"deque": [encode(item, depth) for item in value]}
    if kind is type({}.keys()):
        return {"keys": [encode(item, depth) for item in value]}
    if kind is type({}.values()) or kind is type({}.items()):
        return {"iterator": [encode(item, depth) for item in value]}
    if kind in (type, type(len)) and value.__module__ == "builtins" and vars(builtins).get(value.__name__) is value:
        return {"builtin": value.__name__}
    if isinstance(value, tuple) and (told := encode_named(value, kind, depth)):
        return told
    # A subclass that compares as the builtin type does is compared as one: named tuples, counters, enumerated ints.
    for base in (int, float, str, bytes, list, tuple, dict, set, frozenset):
        if isinstance(value, base):
            plain = (base, collections.OrderedDict, collections.Counter)
            if any(kind.__eq__ is known.__eq__ for known in plain):
                if base is dict:
                    return encode(dict(dict.items(value)), depth)
                if base in (int, float, str, bytes):
                    return encode(base.__getnewargs__(value)[0], depth)
                return encode(base(base.__iter__(value)), depth)
            if base not in (list, tuple, dict):
                raise ValueError("a %s that compares as it likes" % base.__name__)
    if consuming and hasattr(kind, "__next__") and kind.__module__ in ("builtins", "itertools"):
        items, size = [], 0
        for item in value:
            items.append(item)
            size += sys.getsizeof(item)
            if len(items) > 100_000 or size > 1 << 22:
                # Perhaps without end: whoever wants an item asks for it.
                return encode_other(itertools.chain(items, value), itertools.chain)
        return {"iterator": [encode(item, depth) for item in items]}
    return encode_other(value, kind)


def encode_time(value):
    """The parts of a date, of a time, or of a span of time, and of its offset from UTC; nothing where a class of the
    program's own says what that is."""
    import datetime

    if type(value) is datetime.timedelta:
        return [value.days, value.seconds, value.microseconds]
    names = "year month day hour minute second microsecond fold".split()
    told = [getattr(value, name) for name in names if hasattr(value, name)]
    zone = getattr(value, "tzinfo", None)
    if zone is not None:
        if type(zone) is not datetime.timezone:
            return None
        told.append(encode_time(zone.utcoffset(None)))
    return told
