# What the program is asked, and what it is known to have answered. What is asked is noted in `trace`; SECURITY.md says why
# nothing expected is in it, and src/knowledge.rs holds it to that. Trusted, and behind standins.py.
import builtins, sys


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
    value = moved("call", target, args_told, kwargs_told, args=args)
    return constructed_by(target, value) if type(target) is str else value


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
    kind, value, more, state, kinds = answers.pop(0)
    if kind == "ended":
        report["ended"] = value
        raise Ended(value)
    if kind == "raised":
        raise exception(value, more, question[-2:] == ["next", []])
    for number, kind, held in state:
        states[number] = report["epoch"], held, kinds[kind]
        if "__call__" not in kinds[kind]:
            object.__setattr__(OBJECT(number), "__class__", Object)
    for index, new in more:
        old = args[index]
        old.clear()
        (old.extend if hasattr(old, "extend") else old.update)(new)
    return value


def OBJECT(number):
    if number not in objects:
        objects[number] = Callable()
        objects[number].__dict__[0] = number
    return objects[number]


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
report.update(idle=0, epoch=0, left_out=0)
known = {}
noted = set()
# Classes of errors of the program and of the task, by the names that the program has for them, and all names of classes
# that the tests catch.
exceptions = {}
caught_names = set()
