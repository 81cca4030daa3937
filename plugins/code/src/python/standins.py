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

    def __await__(self):
        return Unknown()
        yield

    def __aiter__(self):
        return self

    async def __anext__(self):
        raise StopAsyncIteration

    async def __aenter__(self):
        return Unknown()

    async def __aexit__(self, *error):
        return False


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
            if self is not other and number_of(self) in reused:
                raise TypeError("what the test made is an object that the program had given out before")
            if self is not other and number_of(self) in early:
                return is_what_it_was_made_of(self)
            if is_constructed(self) != is_constructed(other) and number_of(self) not in handed:
                # The very one that the test made to compare with, and that it has not handed over.
                report["alike"].append([number_of(self)] * 2)
            return True
        if GUARDED:
            # Two objects of the program: only the program could say. With leave, and marked as such.
            report["compared"] = True
            return ask("operator", number_of(self), "eq", [number_of(other)]) is True
        return equal(self, other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        # Those that are equal go together in a set: `==` tells them apart there, by the rule above.
        _, _, methods = states.get(number_of(self), (0, {}, ()))
        return 0 if "__eq__" in methods else number_of(self)

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


class Awaitable(Object):
    """A coroutine or a generator of the program, or something else that is awaited. It runs there, on its own."""

    def __await__(self):
        return moved("operator", number_of(self), "await", [])
        yield

    def __aiter__(self):
        return moved("operator", number_of(self), "aiter", [])

    async def __anext__(self):
        value = moved("operator", number_of(self), "anext", [])
        step(steps.setdefault(number_of(self), [0, 0]), isinstance(value, Unknown), StopAsyncIteration)
        return value

    async def __aenter__(self):
        return moved("operator", number_of(self), "aenter", [])

    async def __aexit__(self, *error):
        moved("operator", number_of(self), "aexit", [])
        return False  # as in `__exit__`


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


# By which name.
makers_of = {}
# What `in` came to with them, by that name. One that always says the same has told nothing.
memberships = {}
# What the test passed to the classes that made these, by the number of the object.
given = {}
# The same as it was told to the program.
sources = {}
# Objects that came up before the test made them, as far as it can see, or that it made of something else: one object
# for everything.
reused = set()
# Objects that came up before the test made them, for the first time: members of an enumeration. With the questions by
# which it made them.
early = {}
# Those that the test handed to the program, which may well give them back.
handed = set()


def equal(left, right):
    """Whether two objects of the program are equal: if they hold the same by what the test knows, and their own `==` says
    so too, which is never enough by itself."""
    told = told_of(left), told_of(right)
    if any(isinstance(it, Unknown) for it in told):
        return True  # a guess, until it is known
    if not all("__eq__" in kind for _, kind in told):
        return False  # each is equal to itself only
    alike = holds_the_same(left, right, *told)
    said = ask("operator", number_of(left), "eq", [number_of(right)])
    if said is True and not alike:
        raise TypeError("only the program says that these objects of its own are equal")
    return alike if isinstance(said, Unknown) else alike and said is True


def holds_the_same(left, right, left_told, right_told):
    """Whether one of the objects was made by the test, and of both it is told that they hold what the test passed to make
    it, attribute by attribute: so the comparison is of what the test wrote with plain data, here. What the class adds of
    its own, behind that, is the same in both."""
    sides = (left, left_told, right, right_told), (right, right_told, left, left_told)
    for expected, (held, kind), found, (found_held, found_kind) in sides:
        if not is_constructed(expected) or number_of(expected) not in given:
            continue
        args, kwargs = given[number_of(expected)]
        names = list(held)
        bound = dict(zip(names, args)) | kwargs
        known = bound and len(args) <= len(names) and set(kwargs) <= set(names)
        if kind[0] != found_kind[0] or names != list(found_held) or not known:
            continue
        wanted = [bound.get(name, held[name]) for name in names]
        if all(held[name] == want and found_held[name] == want for name, want in zip(names, wanted)):
            # The plugin asks again without the expected one, of which `found` must not have known.
            if not holds_what_it_was_given(found, found_held):
                report["alike"].append([number_of(found), number_of(expected)])
            return True
    return False


def holds_what_it_was_given(thing, held):
    """Whether the test made an object which holds just what it was made of, and so learnt nothing since."""
    if not is_constructed(thing) or number_of(thing) not in given:
        return False
    args, kwargs = given[number_of(thing)]
    bound = dict(zip(held, args)) | kwargs
    return set(bound) == set(held) and len(bound) == len(args) + len(kwargs) and all(held[name] == bound[name] for name in held)


def is_what_it_was_made_of(thing):
    """Whether an object that the program gave out holds what the test passed to the class that gave it once more. The
    plugin asks again without that, as the object must not have learnt it there."""
    told = told_of(thing)
    if isinstance(told, Unknown):
        return True  # a guess, until it is known
    args, kwargs = given[number_of(thing)]
    bound = dict(zip(told[0], args)) | kwargs
    if not bound or len(bound) != len(args) + len(kwargs) or any(told[0].get(name, told) != it for name, it in bound.items()):
        raise TypeError("what the test made is an object that the program had given out before")
    report["alike"].append([number_of(thing), None])
    report["made"].append(early[number_of(thing)])
    return True


def told_of(thing):
    """What an object holds now, and the name of its class with its methods."""
    number = number_of(thing)
    if states.get(number, (0,))[0] != report["epoch"] and isinstance(ask("operator", number, "state", []), Unknown):
        return Unknown()
    _, held, kind = states.get(number, (0, {}, ("",)))
    return held, kind


def OPERATE(place, function, left, right):
    """An operator with a literal, where the test goes on with an object whatever the program is. The plugin knows the
    literal from the place; see src/asserts/operands.rs."""
    left, right = resolved(left), resolved(right)
    thing = next((it for it in (left, right) if isinstance(it, Object)), None)
    return function(left, right) if thing is None else moved("operate", number_of(thing), place)


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
        makers_of[number] = name
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


def step(counts, is_unknown, stop=StopIteration):
    counts[is_unknown] += 1
    if counts[0] > 5_000:
        raise RuntimeError("an iterator without end")
    if counts[1] > max(100, counts[0]):
        raise stop  # for this round, which goes on with what comes after


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
    if "__contains__" in methods and is_constructed(self) and not isinstance(other, (Object, Unknown)):
        found = call([number_of(self), "__contains__"], [other], {}, self)
        if not isinstance(found, Unknown):
            memberships.setdefault(makers_of[number_of(self)], set()).add(bool(found))
        return bool(found)
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


def hash_of(thing):
    """`hash`, which is for the program to say of its objects."""
    thing = resolved(thing)
    return hash(thing) if not isinstance(thing, Object) else moved("operator", number_of(thing), "hash", [])


def PENDING():
    return report["pending"]


def about_classes(operation, function):
    def decide(value, classes):
        if isinstance(classes, tuple):
            return any([decide(value, kind) for kind in classes])
        value = resolved(value)
        if not isinstance(classes, (Name, Object)):
            return function(value, classes)
        if not isinstance(value, Object) and not is_named(value):
            return isinstance(value, Unknown)
        return ask(operation, number_of(value), name_of(classes) if isinstance(classes, Name) else number_of(classes))

    return decide


def encode_other(value, kind):
    if kind is Unknown:
        raise Pending
    if kind is Name:
        return {"global": name_of(value)}
    if kind in (Object, Callable, Awaitable):
        handed.add(number_of(value))
        return {"object": [number_of(value), ""]}
    raise Unsplittable("hand the program a value of type %s" % kind.__name__)
