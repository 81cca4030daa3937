# The calls of a test that was split: on names and objects of the program, along a path of attributes. Replaces
# `perform` of execute.py.


def told(call):
    """A call as it comes: a list of plain data, or an expression with the arguments to be made in time."""
    if type(call) is str:
        return eval(call)
    operation, root, path, args = call
    return operation, root, path, lambda: (args, {})


def GLOBAL(name):
    return find(NAMES, name)


def OBJECT(number):
    return objects[number]


def perform(names, operation, root, path, make):
    global NAMES
    NAMES = names
    target = objects[root] if type(root) is int else find(names, root)
    *path, last = path or [None]
    for name in path:
        target = getattr(target, name)
    args, kwargs = make()
    if operation == "set":
        setattr(target, last, args[0])
        return {"value": None}
    if last is not None:
        target = getattr(target, last)
    if operation == "get":
        return {"value": encode(target)}
    if operation == "isinstance":
        return {"value": isinstance(target, args[0])}
    before = [encode(arg) for arg in args]
    value = encode(target(*args, **kwargs))
    after = [encode(arg) if type(arg) in (list, dict, set, bytearray) else None for arg in args]
    return {"value": value, "changed": [[i, a] for i, a in enumerate(after) if a is not None and a != before[i]]}
