# What the tests hold of the program: stand-ins for its names and objects, which turn what is done with them into
# questions; see questions.py. Trusted: no code of the program is here, only plain data that it claimed.
import builtins, operator


class Unknown:
    """Stands for an answer that is not there yet, and lets the test go on, so that its further questions are seen."""

    def __hash__(self):
        return 0

    def __iter__(self):
        return iter(())

    def __str__(self):
        return ""


def unknown(answer):
    def method(*args, **kwargs):
        # A loop over what is unknown may have no end: it goes on in the next round.
        idle()
        return Unknown() if answer is None else answer

    return method


def idle():
    report["idle"] += 1
    if report["idle"] > 2_000:
        raise Stuck


for names, answer in (
    ("call getattr getitem add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow", None),
    ("and rand or ror xor rxor lshift rlshift rshift rrshift matmul rmatmul neg pos abs invert round enter", None),
    ("setitem delitem next", None),
    ("eq ne lt le gt ge bool contains", True),
    ("len int index", 0),
    ("float", 0.0),
    ("exit", False),
):
    for name in names.split():
        setattr(Unknown, "__%s__" % name, unknown(answer))


def patient(method):
    """Waits for the next round where an argument is not known yet."""

    def ready(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except Pending:
            report["asked"] += 1
            report["pending"] = True
            return Unknown()

    return ready


class Name:
    """A name of the program. What it stands for is asked when something else than a call is done with it."""

    def __init__(self, name):
        self.__dict__[0] = name

    def __call__(self, *args, **kwargs):
        return call(name_of(self), args, kwargs)

    def __getattr__(self, name):
        if hidden(name):
            raise AttributeError(name)
        return getattr(resolved(self), name)


class Object:
    """An object of the program, which stays there. The test may call its methods and read its attributes; nothing
    that the test holds is ever handed to an operator of it, nor does it decide anything about plain data."""

    def __getattr__(self, name):
        if hidden(name):
            raise AttributeError(name)
        number = number_of(self)
        epoch, held, methods = states.get(number, (0, {}, ()))
        if name in methods:
            return Method(self, name)
        if epoch == report["epoch"] and name in held:
            return held[name]
        value = ask("get", number, name)
        # A method that plain data would have: where the test did not make the object, plain data was due.
        return Method(self, name) if isinstance(value, Callable) and name in BUILTIN_METHODS else value

    @patient
    def __setattr__(self, name, value):
        number = number_of(self)
        if isinstance(moved("set", number, name, argument(value, self)), Unknown):
            # A guess, which only leads to the questions that come after: this round decides nothing.
            _, held, methods = states.get(number, (0, {}, ()))
            states[number] = report["epoch"], {**held, name: value}, methods

    def __eq__(self, other):
        other = resolved(other)
        if not isinstance(other, Object):
            return isinstance(other, Unknown)  # an object of the program is no plain value, whatever it says
        if number_of(self) == number_of(other):
            return True
        # Two objects of the program: only the program could say. With leave, and marked as such.
        report["compared"] = GUARDED
        return GUARDED and ask("operator", number_of(self), "eq", [number_of(other)]) is True

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return number_of(self)

    def __bool__(self):
        _, _, methods = states.get(number_of(self), (0, {}, ()))
        plain = "__bool__" not in methods and "__len__" not in methods
        return plain or bool(moved("operator", number_of(self), "bool", []))

    @patient
    def __getitem__(self, key):
        return moved("item", made(self, "[]"), argument(key, self))

    @patient
    def __setitem__(self, key, value):
        moved("set-item", made(self, "[] ="), argument(key, self), argument(value, self))

    def __iter__(self):
        _, _, methods = states.get(number_of(self), (0, {}, ()))
        if "__iter__" not in methods:
            made(self, "[]")  # goes through its items by number, until one of them is not there
        items = moved("operator", number_of(self), "iter", [])
        return items if isinstance(items, Object) else iter(items)

    def __format__(self, form):
        return format(str(self), form)

    def __exit__(self, *error):
        moved("operator", number_of(self), "exit", [])
        return False  # whether an error of the test counts is not for the program to say


class Callable(Object):
    """An object of the program that can be called, as far as is known."""

    def __call__(self, *args, **kwargs):
        return call(number_of(self), args, kwargs, self)


class Method:
    """A method of an object of the program."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name

    def __call__(self, *args, **kwargs):
        if self.name in BUILTIN_METHODS:
            made(self.owner, self.name)
        return call([number_of(self.owner), self.name], args, kwargs, self.owner)


# Objects of the program by number, and what they held when they were last seen.
objects = {}
states = {}
# Stand-ins for objects that the test made, by calling a class by its name: only with these does it expect an object
# where it calls, say, `append`. The same object that comes of another call stands where plain data may be due.
constructed = {}


def hidden(name):
    return name[:2] == name[-2:] == "__" and name not in ("__name__", "__qualname__")


def is_class(name):
    """Whether a name is written as those of classes are, or the task says that it makes objects: what is called by it is
    an object for sure. See src/asserts/makers.rs."""
    return name in MAKERS or name.lstrip("_")[:1].isupper()


def name_of(name):
    return name.__dict__[0]


def number_of(thing):
    return thing.__dict__[0]


def resolved(value):
    if not isinstance(value, Name):
        return value
    return constructed_by(name_of(value), ask("global", name_of(value)))


def constructed_by(name, found):
    """What comes of a name, or of calling it."""
    if not isinstance(found, Object) or not is_class(name):
        return found
    number = number_of(found)
    if number not in constructed:
        constructed[number] = type(found)()
        constructed[number].__dict__[0] = number
    return constructed[number]


def is_constructed(thing):
    return constructed.get(number_of(thing)) is thing


def made(thing, what):
    """The number of an object of the program, if the test made it; else it stands where plain data should."""
    if not is_constructed(thing):
        raise TypeError("an object of the program is no plain data with %s" % what)
    return number_of(thing)


GLOBAL = Name
UNARY = "len str repr int float complex abs round next neg pos invert index enter"
# With plain data on the other side, these would tell the program what is expected, or let it decide.
BINARY = "lt le gt ge add sub mul truediv floordiv mod pow matmul lshift rshift and_ or_ xor contains"


# How many items of an iterator of the program are known, and are not.
steps = {}


def step(counts, is_unknown):
    counts[is_unknown] += 1
    if counts[0] > 5_000:
        raise RuntimeError("an iterator without end")
    if counts[1] > max(100, counts[0]):
        raise StopIteration  # for this round, which goes on with what comes after


UNKNOWN = {"len": 0, "str": "", "repr": "", "int": 0, "float": 0.0, "complex": 0j, "index": 0}


def unary(name):
    def method(self, *args):
        if args:
            raise TypeError("an object of the program does not decide %s" % name)
        value = moved("operator", number_of(self), name, [])
        if name == "next":
            step(steps.setdefault(number_of(self), [0, 0]), isinstance(value, Unknown))
        return UNKNOWN.get(name, value) if isinstance(value, Unknown) else value

    setattr(Object, "__%s__" % name, method)


def binary(name):
    def method(self, other):
        other = resolved(other)
        if isinstance(other, Unknown):
            return Unknown()
        if not isinstance(other, Object):
            raise TypeError("an object of the program does not decide %s beside plain data" % name)
        return moved("operator", number_of(self), name, [number_of(other)])

    def reflected(self, other):
        raise TypeError("an object of the program does not decide %s beside plain data" % name)

    setattr(Object, "__%s__" % name.rstrip("_"), method)
    if name not in ("lt", "le", "gt", "ge", "contains"):
        setattr(Object, "__r%s__" % name.rstrip("_"), reflected)


def of_name(name):
    function = getattr(operator, name, None) or vars(builtins).get(name) or ENTERING[name]
    setattr(Name, "__%s__" % name.rstrip("_"), lambda self, *args: function(resolved(self), *args))
    if name in BINARY.split():
        setattr(Name, "__r%s__" % name.rstrip("_"), lambda self, other: function(other, resolved(self)))


ENTERING = dict(enter=lambda it: it.__enter__(), exit=lambda it, *error: it.__exit__(*error))
for name in UNARY.split():
    unary(name)
for name in BINARY.split():
    binary(name)
decided_by_the_object = Object.__contains__


def contains(self, other):
    """`in`, which goes through the items of what has no `__contains__`. Their comparison is made here."""
    _, _, methods = states.get(number_of(self), (0, {}, ()))
    other = resolved(other)
    if "__contains__" in methods or "__iter__" not in methods or isinstance(other, (Object, Unknown)):
        return decided_by_the_object(self, other)
    return any(item == other for item in self)


Object.__contains__ = contains
for name in (UNARY + " " + BINARY + " setattr eq ne bool hash getitem setitem delitem iter exit format").split():
    of_name(name)


def TYPE(value):
    value = resolved(value)
    return ask("get", number_of(value), "__class__") if isinstance(value, Object) else type(value)


def IS(left, right):
    left, right = resolved(left), resolved(right)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown()
    if isinstance(left, Object) and isinstance(right, Object):
        return number_of(left) == number_of(right)
    return left is right


def PENDING():
    return report["pending"]


def about_classes(operation, function):
    def decide(value, classes):
        if isinstance(classes, tuple):
            return any([decide(value, kind) for kind in classes])
        value = resolved(value)
        if not isinstance(classes, (Name, Object)):
            return function(value, classes)
        if not isinstance(value, Object):
            return isinstance(value, Unknown)
        return ask(operation, number_of(value), name_of(classes) if isinstance(classes, Name) else number_of(classes))

    return decide


def encode_other(value, kind):
    if kind is Unknown:
        raise Pending
    if kind is Name:
        return {"global": name_of(value)}
    if kind is Object or kind is Callable:
        return {"object": [number_of(value), ""]}
    raise Unsplittable("hand the program a value of type %s" % kind.__name__)
