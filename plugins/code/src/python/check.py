# Runs the tests, with names and objects of the program replaced by stand-ins that look up what the program is known
# to have answered. Trusted: no code of the program is here, only plain data that it claimed.
import ast, builtins, io, operator, os, random, sys


class Unsplittable(BaseException):
    pass


class Ended(BaseException):
    pass


class Pending(Exception):
    pass


class Unknown:
    """Stands for an answer that is not there yet, and lets the test go on, so that its further calls are seen."""

    def __hash__(self):
        return 0

    def __iter__(self):
        return iter(())

    def __str__(self):
        return ""


for names, answer in (
    ("call getattr getitem add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow", None),
    ("and rand or ror xor rxor neg pos abs invert round enter setitem", None),
    ("eq ne lt le gt ge bool contains", True),
    ("len int index", 0),
    ("float", 0.0),
    ("exit", False),
):
    for name in names.split():
        make = (lambda *args, **kwargs: Unknown()) if answer is None else lambda *args, answer=answer: answer
        setattr(Unknown, "__%s__" % name, make)


class Remote:
    """A name or an object of the program, or what is reached from there along a path of attributes."""

    def __init__(self, root, path=()):
        # Not as attributes: every attribute is one of the program's.
        self.__dict__[0] = (root, list(path))

    def __call__(self, *args, **kwargs):
        return ask("call", self, args, kwargs)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Remote(parts(self)[0], parts(self)[1] + [name])

    def __setattr__(self, name, value):
        ask("set", Remote(parts(self)[0], parts(self)[1] + [name]), (value,), {})

    def __eq__(self, other):
        mine = value_of(self)
        if not isinstance(mine, Remote):
            return mine == other
        other = value_of(other) if isinstance(other, Remote) else other
        if not isinstance(other, Remote):
            return isinstance(other, Unknown)  # an object of the program is no plain value, whatever it says
        if parts(mine) == parts(other):
            return True
        # Two objects of the program: only the program could say. With leave, and marked as such.
        report["compared"] = GUARDED
        return GUARDED and bool(ask("call", Remote(parts(mine)[0], parts(mine)[1] + ["__eq__"]), (other,), {}) is True)

    def __ne__(self, other):
        return not self == other

    def __bool__(self):
        mine = value_of(self)
        return True if isinstance(mine, Remote) else bool(mine)

    def __hash__(self):
        return hash(str(parts(self)))


def parts(remote):
    return remote.__dict__[0]


def value_of(remote):
    """What a name or attribute is worth: plain data, or the object itself."""
    root, path = parts(remote)
    return remote if type(root) is int and not path else ask("get", remote, (), {})


DECIDING = ["__%s__" % name for name in "lt le gt ge contains".split()]
ARITHMETIC = ["__%s__" % name for name in "add sub mul truediv floordiv mod pow and or xor".split()]


def believed(name):
    """What an object of the program says of plain data is its word against nobody's: with leave, and marked as such."""
    report["compared"] = GUARDED
    if not GUARDED:
        raise TypeError("an object of the program does not decide %s" % name)


def forward(name, operation):
    def method(self, *args):
        mine = value_of(self)
        if not isinstance(mine, Remote):
            return operation(mine, *args)
        about_data = len(args) == 1 and not isinstance(args[0], (Remote, Unknown))
        if about_data and name in DECIDING:
            believed(name)
        result = ask("call", Remote(parts(mine)[0], parts(mine)[1] + [name]), args, {})
        if about_data and name in ARITHMETIC and not isinstance(result, (Remote, Unknown)):
            believed(name)
        return result

    setattr(Remote, name, method)


for name in (
    "lt le gt ge add sub mul truediv floordiv mod pow neg abs getitem setitem contains index and_ or_ xor".split()
):
    forward("__%s__" % name.rstrip("_"), getattr(operator, name))
for operation in (len, iter, str, repr, int, float, round, next):
    forward("__%s__" % operation.__name__, operation)
forward("__enter__", lambda mine: mine.__enter__())
forward("__exit__", lambda mine, *error: mine.__exit__(*error))


def isinstance_of_remote(value, classes):
    if isinstance(classes, Remote):
        if not isinstance(value, Remote):
            return isinstance(value, Unknown)
        return ask("isinstance", value, (classes,), {})
    return isinstance(value_of(value) if isinstance(value, Remote) else value, classes)


def encode_other(value, kind):
    if kind is Unknown:
        raise Pending
    if kind is Remote:
        value = value if type(parts(value)[0]) is str and not parts(value)[1] else value_of(value)
        if isinstance(value, Remote):
            root = parts(value)[0]
            return {"object": [root, ""]} if type(root) is int else {"global": root}
        return encode(value)
    raise Unsplittable("hand the program a value of type %s" % kind.__name__)


def ask(operation, remote, args, kwargs):
    root, path = parts(remote)
    report["asked"] += 1
    try:
        call = [operation, root, path, [encode(arg) for arg in args], {k: encode(v) for k, v in kwargs.items()}]
    except Pending:
        report["pending"] = True
        return Unknown()
    report["trace"].append(call)
    answers = known.get(json.dumps(call))
    if not answers:
        report["pending"] = True
        return Unknown()
    kind, value, more = answers.pop(0)
    if kind == "ended":
        raise Ended(value)
    if kind == "raised":
        raise exception(value, more, path[-1:] == ["__next__"])
    for index, new in more:
        old = args[index]
        old.clear()
        (old.extend if hasattr(old, "extend") else old.update)(new)
    return value


def learn(answers):
    """What is known: a call, and its answer as a list of plain data or as an expression."""
    for call, answer in answers:
        known.setdefault(call, []).append(eval(answer) if type(answer) is str else answer)


def exception(classes, text, may_stop):
    for name in classes:
        # Out of a function of the program it would end a loop of the test, and what that asserts.
        if name in ("StopIteration", "StopAsyncIteration") and not may_stop:
            return RuntimeError("raised %s" % name)
        kind = exceptions.get(name) or vars(builtins).get(name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return kind(text) if issubclass(kind, Exception) else RuntimeError("%s: %s" % (name, text))
    return RuntimeError(text)


class Asserts(ast.NodeTransformer):
    """Makes a failing assertion count and the rest of the test go on."""

    def visit_Assert(self, node):
        counts = any(isinstance(part, ast.Name) for part in ast.walk(node.test))
        text = "line %d: %s" % (node.lineno, ast.unparse(node.test)[:200])
        good = ast.parse("ASSERTION(%r, %r)" % (text, counts)).body
        bad = ast.parse("try: pass\nexcept Exception as ERROR: ASSERTION(%r, %r, ERROR)" % (text, counts)).body[0]
        bad.body = [node, *good]
        return bad

    def visit_Try(self, node):
        # An assertion in here may be meant to be caught.
        for block in (node.orelse, node.finalbody, *(handler.body for handler in node.handlers)):
            block[:] = [self.visit(statement) for statement in block]
        return node

    def visit_ImportFrom(self, node):
        return ast.Pass() if node.module == "solution" else node


def assertion(text, counts, error=None):
    if error is not None:
        shown = "" if type(error) is AssertionError else " raised %s: %s" % (type(error).__name__, str(error)[:80])
        report["first"] = report["first"] or text + shown
        report["failed"] += 1
    elif counts:
        report["passed"] += 1


def prepare(tree):
    """See frameworks.py."""


def run_collected(names):
    """See frameworks.py."""


def check(source, nonce):
    sys.stdout = sys.stderr = io.TextIOWrapper(io.BytesIO(), "utf-8")
    random.seed(0)
    tree = ast.parse(source)
    prepare(tree)
    names = {"__name__": "tests"}
    try:
        exec(PRELUDE, names)
        names.update((alias, exceptions.get(name) or Remote(name)) for alias, name in EXTERNALS.items())
        names.update(ASSERTION=assertion, isinstance=isinstance_of_remote)
        exec(compile(ast.fix_missing_locations(Asserts().visit(tree)), "tests.py", "exec"), names)
        run_collected(names)
    except Unsplittable as error:
        report["unsplittable"] = str(error)
    except Ended as error:
        report["error"] = str(error)
    except BaseException as error:
        report["error"] = "%s: %s" % (type(error).__name__, str(error)[:200])
    if not report["pending"]:
        report["trace"] = []
    os.write(1, ("\n%s 0 %s\n" % (nonce, json.dumps(report))).encode())


report = dict(trace=[], pending=False, asked=0, passed=0, failed=0, first="", error="", compared=False, unsplittable="")
exceptions = {}
known = {}
