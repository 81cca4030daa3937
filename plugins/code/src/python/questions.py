# What the program is asked, and what it is known to have answered. What is asked is noted in `trace`; SECURITY.md says why
# nothing expected is in it, and src/knowledge.rs holds it to that. Trusted, and behind standins.py.
import builtins, collections, copy, sys


class Unsplittable(BaseException):
    pass


class Ended(BaseException):
    pass


class Stuck(BaseException):
    pass


class Pending(Exception):
    pass


def argument(value, owner):
    """An argument, as the program may see it; `owner` is the object that gets it, if it is one."""
    try:
        return encode(value)
    except Unsplittable as error:
        # An object where plain data was due must not make the tests look as if they could not be split.
        if owner is not None and not is_constructed(owner):
            raise TypeError("an object of the program cannot be handed this") from None
        report["unsplittable"] = str(error)
        raise


@patient
def call(target, args, kwargs, owner=None):
    args_told = [argument(arg, owner) for arg in args]
    kwargs_told = {name: argument(arg, owner) for name, arg in kwargs.items()}
    before = set(states) if type(target) is str and is_class(target) and (args or kwargs) else ()
    if owner is not None:
        handed.add(number_of(owner))
    value = moved("call", target, args_told, kwargs_told, args=args)
    if type(target) is str:
        value = constructed_by(target, value)
        if isinstance(value, Object) and is_constructed(value) or is_named(value) and is_class(target):
            kept = [copy.copy(arg) if isinstance(arg, (list, dict, set)) else arg for arg in args], dict(kwargs)
            number = number_of(value)
            made_of = json.dumps([args_told, kwargs_told])
            if number in before and number not in sources:
                early[number] = json.dumps(["call", target, args_told, kwargs_told])
            elif number in before and sources[number] != made_of:
                reused.add(number)
            sources.setdefault(number, made_of)
            if target.lstrip("_")[:1].isupper():
                of_a_class.add(number)
            given.setdefault(number, kept)
    return value


def moved(*question, args=()):
    """Asks what may change objects of the program."""
    report["epoch"] += 1
    return ask(*question, args=args)


def ask(*question, args=()):
    question = list(question)
    key = json.dumps(question)
    report["asked"] += 1
    report["trace"].append(question)
    answers = known.get(key)
    if not answers:
        report["pending"] = True
        if key in noted:
            idle()
        else:
            noted.add(key)
            report["idle"] = 0
        return Unknown()
    kind, value, more, state, kinds, printed = answers.pop(0)
    if kind == "ended":
        report["ended"] = value
        raise Ended(value)
    if kind == "raised":
        raise exception(value, more, question[-2:] in (["next", []], ["anext", []]))
    for number, kind, held in state:
        states[number] = report["epoch"], held, kinds[kind]
        special = [name for name in AWAITED if name in kinds[kind]]
        if special or "__call__" not in kinds[kind]:
            object.__setattr__(OBJECT(number), "__class__", Awaitable if special else Object)
    for index, new in more:
        old = args[index]
        old.clear()
        (old.extend if hasattr(old, "extend") else old.update)(new)
    for stream, text in zip((sys.stdout, sys.stderr), printed):
        stream.write(text)  # where the test may look for it
    return value


# What makes an object one that is awaited. Such an object cannot be called.
AWAITED = ("__await__", "__anext__", "__aiter__", "__aenter__")


def OBJECT(number):
    if number not in objects:
        objects[number] = Callable()
        objects[number].__dict__[0] = number
    return objects[number]


def NAMED(number, name, fields, items):
    """A named tuple of the program: plain data, which the program is asked for what is not among its fields."""
    key = (name, *fields)
    try:
        kind = named.get(key) or type(name, (collections.namedtuple(name, fields),), dict(NAMED_METHODS))
        value = kind(*items)
    except (TypeError, ValueError):  # fields that no named tuple has
        return tuple(items)
    named[key] = kind
    value.__dict__[0] = number
    return value


def asked_for(value, name):
    if hidden(name) or not is_named(value):
        raise AttributeError(name)
    return ask("get", number_of(value), name)


def comparing(name):
    """A comparison of a named tuple of the program. One that the test made to compare with another holds what the test
    passed, and the plugin asks again without it, as with objects that are compared."""
    function = getattr(tuple, name)

    def compared(left, right):
        right = resolved(right)
        if isinstance(right, Unknown) or not isinstance(right, tuple):
            return isinstance(right, Unknown) if name == "__eq__" else NotImplemented
        made = [it for it in (left, right) if is_named(it) and number_of(it) in given]
        if made and is_named(left) and is_named(right):
            # A function that the tests take for a maker, and which computes what it holds, is none that they compare with.
            sure = [number_of(it) for it in made if holds_what_was_passed(it)]
            if not sure or any(number_of(it) not in sure and number_of(it) in of_a_class for it in made):
                raise TypeError("a named tuple holds something else than the test passed to make it")
            report["alike"].extend([None, number] for number in sure)
        return function(left, right)

    return compared


def holds_what_was_passed(thing):
    args, kwargs = given[number_of(thing)]
    wanted = dict(zip(thing._fields, args)) | kwargs
    return len(wanted) == len(args) + len(kwargs) and all(getattr(thing, name, Unknown) == wanted[name] for name in wanted)


NAMED_METHODS = {name: comparing(name) for name in "__eq__ __lt__ __le__ __gt__ __ge__".split()}
NAMED_METHODS["__ne__"] = lambda left, right: not left == right
NAMED_METHODS.update(__getattr__=asked_for, __hash__=tuple.__hash__)


def is_named(value):
    """Whether a value is a named tuple that the program told of: not one that the test made of it by `_replace`."""
    return type(value) in named.values() and 0 in value.__dict__


def encode_named(value, kind, depth):
    """Goes back as what it is to the program; one that the test made of it, as its items."""
    if is_named(value):
        return {"object": [number_of(value), ""]}
    return {"tuple": [encode(item, depth) for item in value]} if kind in named.values() else None


named = {}
# What was made by calling a name that is written as those of classes are.
of_a_class = set()


def learn(answers):
    """What is known: a question, and its answer as a list of plain data or as an expression."""
    for question, answer in answers:
        known.setdefault(question, []).append(eval(answer) if type(answer) is str else answer)


def exception(classes, text, may_stop):
    """An error that is of every class that the program's is found to be of."""
    kinds = [kind for kind in (class_at(*place) for place in classes) if kind]
    # Out of a function of the program it would end a loop of the test, and what that asserts.
    if any(issubclass(kind, (StopIteration, StopAsyncIteration)) for kind in kinds) and not may_stop:
        return RuntimeError("raised %s" % kinds[0].__name__)
    if not kinds or not (issubclass(kinds[0], Exception) or kinds[0].__name__ in caught_names):
        return RuntimeError("%s: %s" % (kinds[0].__name__ if kinds else "an error", text))
    nearest = [kind for kind in kinds if not any(kind is not more and issubclass(more, kind) for more in kinds)]
    try:
        kind = nearest[0] if len(nearest) == 1 else type(nearest[0].__name__, tuple(nearest), {})
        # Without `__init__`, which may want other arguments than a text.
        error = kind.__new__(kind, text)
    except TypeError:
        return RuntimeError(text)  # no class of errors that can be made of a text
    error.args = (text,)
    return error


def class_at(module, name):
    """The class of errors at a place that the program named: Python's, one that the tests catch of the program, the
    task's, or of the library where the tests catch it by its name. No other: unittest's mean something to it."""
    if module == "builtins":
        kind = vars(builtins).get(name)
    elif module == "solution":
        kind = exceptions.get(name)
    else:
        library = name in caught_names and module.partition(".")[0] not in ("__main__", "unittest", "pytest")
        kind = vars(sys.modules[module]).get(name) if library and module in sys.modules else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


# `idle` counts what was done in vain since a question was new, `epoch` what may have changed objects of the program.
report = dict(trace=[], pending=False, asked=0, first="", error="", ended="", compared=False, unsplittable="")
report.update(idle=0, epoch=0, left_out=0, alike=[], made=[])
known = {}
noted = set()
# Classes of errors of the program and of the task, by the names that the program has for them, and all names of classes
# that the tests catch.
exceptions = {}
caught_names = set()
