# The questions of a test that was split: calls, attributes and operators of the program's names and objects. Replaces
# `perform` and `told` of execute.py.
import operator

OPERATORS = {function.__name__: function for function in (bool, hash, len, str, repr, int, float, complex, abs, round, next)}
OPERATORS.update((name, getattr(operator, name)) for name in "neg pos invert index".split())
OPERATORS.update((name, getattr(operator, name)) for name in "eq lt le gt ge add sub mul truediv floordiv".split())
OPERATORS.update((name, getattr(operator, name)) for name in "mod pow matmul lshift rshift and_ or_ xor contains".split())
OPERATORS.update(("a" + name, lambda it, name=name: waited(it, "__a%s__" % name)) for name in ("next", "enter"))
OPERATORS["await"] = lambda it: waited(it, None)
OPERATORS.update(aiter=aiter, aexit=lambda it: waited(it, "__aexit__", None, None, None))
# Says what an object holds, which goes along with every object that comes up.
OPERATORS.update(state=lambda it: it)
OPERATORS.update(iter=iter, enter=lambda it: it.__enter__(), exit=lambda it: it.__exit__(None, None, None))


def waited(thing, method, *args):
    """Runs what is awaited to its end, all of it on one loop, which stands for that of the test."""
    global LOOP
    import asyncio

    async def wait():
        return await (getattr(type(thing), method)(thing, *args) if method else thing)

    LOOP = LOOP or asyncio.new_event_loop()
    return LOOP.run_until_complete(wait())


LOOP = None
# As much of what a question prints is told, in letters.
MOST_PRINTED = 200_000
# A state larger than this, in letters, is not sent along.
LARGEST = 50_000


def GLOBAL(name):
    return find(NAMES, name)


def OBJECT(number):
    return objects[number]


def told(question):
    global asking
    if question[0] == "#":  # it was asked more often before, where others were that are left out now
        before, question = question[1:].split(" ", 1)
        times[question] = int(before) - 1
    asking = question
    times[question] = times.get(question, 0) + 1
    return json.loads(question) if question[0] == "[" else eval(question)


def target_of(target):
    """A name of the program, an object of it, or a method of one."""
    if type(target) is str:
        return find(NAMES, target)
    if type(target) is int:
        return objects[target]
    return getattr(objects[target[0]], target[1])


def attributes(value):
    kind = type(value)
    names = dict.fromkeys(getattr(value, "__dict__", ()))
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names.update(dict.fromkeys([slots] if type(slots) is str else slots))
    return [name for name in names if type(name) is str and not (name[:2] == name[-2:] == "__") and hasattr(value, name)]


def methods(kind):
    function = (type(find), staticmethod, classmethod)
    names = {name for base in kind.__mro__ for name, it in vars(base).items() if isinstance(it, function)}
    special = ("__call__", "__bool__", "__len__", "__await__", "__anext__", "__aiter__", "__aenter__", "__eq__", "__iter__")
    own = [base for base in kind.__mro__ if base is not object]
    names.update(name for name in special if any(name in vars(base) for base in own))
    return ["class " + kind.__qualname__, *sorted(names)]


def encode_named(value, kind, depth):
    """A named tuple: its name and fields, its items, and the number by which it is asked for its methods."""
    names, items = getattr(kind, "_fields", ()), list(tuple.__iter__(value))
    if kind.__eq__ is not tuple.__eq__ or not names or len(names) != len(items) or not all(getattr(value, name) is item for name, item in zip(names, items)):
        return None
    number = encode_other(value, kind)["object"][0]
    return {"named": [number, kind.__name__, list(names), [encode(item, depth) for item in items]]}


def state():
    """What the objects of an answer hold, so that a test that reads it does not have to ask for each attribute."""
    told, kinds, size = {}, {}, 0
    for number in touched:  # which grows on the way
        value = objects[number]
        if number in told or isinstance(value, type):
            continue
        kind = type(value)
        place = next((place for place, known in kinds.items() if known is kind), len(kinds))
        held = []
        for name in attributes(value) if kind.__module__ not in ("builtins", "itertools") else ():
            try:
                held.append([name, encode(getattr(value, name))])
            except Exception:
                continue
        size += len(json.dumps(held))
        if size > LARGEST:
            break
        kinds[place] = kind
        told[number] = [number, place, held]
    return {"state": list(told.values()), "kinds": [methods(kind) for kind in kinds.values()]} if told else {}


def perform(names, operation, target, *rest):
    global NAMES, consuming
    NAMES = names
    touched.clear()
    changed = []
    starts = [len(printed(stream, 0)) for stream in PRINTED]
    # An iterator that an object holds is not to be used up by looking at it.
    consuming = operation == "call" or rest[:1] == ("iter",) or rest[:1] == ("next",)
    target = target_of(target)
    if operation == "call":
        args, kwargs = rest
        before = [encode(arg) for arg in args]
        value = target(*args, **kwargs)
        after = [encode(arg) if type(arg) in (list, dict, set, bytearray) else None for arg in args]
        changed = [[i, a] for i, a in enumerate(after) if a is not None and a != before[i]]
        touched.clear()
    elif operation == "global":
        value = target
    elif operation == "get":
        value = getattr(target, rest[0])
    elif operation == "set":
        value = setattr(target, *rest)
        encode_other(target, type(target))  # so that its state goes along
    elif operation == "item":
        value = target[rest[0]]
    elif operation == "set-item":
        value = operator.setitem(target, *rest)
    elif operation == "operate":
        value = OPERATORS[rest[0]](rest[1], target) if rest[2] else OPERATORS[rest[0]](target, rest[1])
    elif operation == "operator":
        value = OPERATORS[rest[0]](target, *map(OBJECT, rest[1]))
    else:
        value = {"isinstance": isinstance, "issubclass": issubclass}[operation](target, target_of(rest[0]))
    record = {"value": encode(value), "changed": changed}
    consuming = False
    texts = [printed(stream, start) for stream, start in zip(PRINTED, starts)]
    if any(texts):
        record["printed"] = [text[:MOST_PRINTED].decode(errors="replace") for text in texts]
    return record | state()


def printed(stream, start):
    """What the program has printed since, as far as it prints to where it was told to."""
    try:
        stream.flush()
        return bytes(stream.buffer.getbuffer()[start:])
    except ValueError:  # it has closed it
        return b""
