# What tests take of pytest, unittest and numpy, and exceptions of the program. Goes with check.py where tests mention
# them.
import asyncio, collections


def caught(tree):
    """Names in `except` clauses and in `raises(...)`: which errors the tests are prepared for. A function of the tests
    may be called `raises` as well, or take the class that it catches as any of its arguments."""
    catching = {name: [0] for name in RAISES}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = [it.arg for it in node.args.posonlyargs + node.args.args]
            names = names[1:] if names[:1] == ["self"] else names
            kinds = [it.type for it in ast.walk(node) if isinstance(it, ast.ExceptHandler)]
            places = [place for place, name in enumerate(names) if name in {getattr(it, "id", "") for it in kinds}]
            if places or node.name in catching:
                catching[node.name] = places + [names[place] for place in places]
    for node in ast.walk(tree):
        wanted = [node.type] if isinstance(node, ast.ExceptHandler) else []
        if isinstance(node, ast.Call):
            places = catching.get(getattr(node.func, "attr", getattr(node.func, "id", "")), ())
            wanted = [it for place, it in enumerate(node.args) if place in places]
            wanted += [it.value for it in node.keywords if it.arg in places]
        for part in wanted:
            for name in ast.walk(part) if part else ():
                if isinstance(name, (ast.Name, ast.Attribute)):
                    yield getattr(name, "id", None) or name.attr


def allclose(left, right, rtol=1e-5, atol=1e-8):
    """As numpy's on numbers and on lists of one shape; without broadcasting."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            raise ValueError("lists of different lengths")
        return all(allclose(a, b, rtol, atol) for a, b in zip(left, right))
    if left == right or abs(left) == float("inf") or abs(right) == float("inf"):
        return left == right
    return abs(left - right) <= atol + rtol * abs(right)


def numpy_in_part():
    """What HumanEval+ and MBPP+ compare with. There is no array, so nothing is one."""
    numpy = type(sys)("numpy")
    numpy.allclose = numpy.isclose = allclose
    numpy.ndarray = type("ndarray", (), {})
    numpy.float32 = numpy.float64 = float
    return numpy


def prepare(tree):
    sys.modules.setdefault("numpy", numpy_in_part())
    pytest = sys.modules["pytest"] = type(sys)("pytest")
    pytest.raises, pytest.approx, pytest.mark, pytest.fixture = raises, approx, Mark(), fixture
    pytest.param = Row
    await_objects()
    fixtures.update(capsys=Printed, capfd=Printed)
    for name in caught(tree):
        if name in EXTERNALS:
            exceptions[EXTERNALS[name]] = type(EXTERNALS[name], (Exception,), {})
        else:
            caught_names.add(name)
    skipped_by_the_task.update(decorated_without_the_program(tree))


def decorated_without_the_program(tree):
    """The functions and classes whose decorators are of modules and builtins alone: whether these skip a test is not
    the program's to say."""
    known = set(vars(builtins))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    known.difference_update(EXTERNALS)

    def within(body, path):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                used = [part.id for it in node.decorator_list for part in ast.walk(it) if isinstance(part, ast.Name)]
                if known.issuperset(used):
                    yield path + node.name
                if isinstance(node, ast.ClassDef):
                    yield from within(node.body, path + node.name + ".")

    return within(tree.body, "")


fixtures = {}
# See `decorated_without_the_program`.
skipped_by_the_task = set()


class Mark:
    """`pytest.mark`: `parametrize`, and what leaves a test out whatever the program is. A `skipif` is not heeded."""

    def __getattr__(self, mark):
        def parametrize(names, values, **_):
            names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
            values = [value if isinstance(value, Row) else Row(*(value if len(names) > 1 else [value])) for value in values]
            rows = [dict(zip(names, row.values)) for row in values if not row.left_out]
            report["left_out"] += len(values) - len(rows)

            def decorate(function):
                function.__dict__.setdefault("rows", []).append(rows)
                return function

            return decorate

        def left_out(thing):
            thing.left_out = True
            return thing

        left_out.left_out = True  # for `pytest.param(…, marks=pytest.mark.skip)`, which decorates nothing

        def leaving_out(*args, **_):
            return left_out(args[0]) if len(args) == 1 and callable(args[0]) else left_out

        leaving_out.left_out = True

        def other(*args, **_):
            return args[0] if len(args) == 1 and callable(args[0]) else lambda function: function

        return {"parametrize": parametrize, "skip": leaving_out, "xfail": leaving_out}.get(mark, other)


def await_objects():
    """Lets tests hand objects of the program that are awaited to what wants coroutines."""

    async def waiting(thing):
        return await thing

    def wrapped(function):
        def call(self, thing, **named):
            return function(self, thing if asyncio.iscoroutine(thing) else waiting(thing), **named)

        return call

    for kind, name in ((asyncio.Runner, "run"), (asyncio.BaseEventLoop, "create_task")):
        setattr(kind, name, wrapped(getattr(kind, name)))


class Row:
    """`pytest.param`: the values of one test among those that `parametrize` makes."""

    def __init__(self, *values, marks=(), id=None):
        self.values = values
        marks = marks if isinstance(marks, (list, tuple)) else [marks]
        self.left_out = any(getattr(mark, "left_out", False) for mark in marks)


class Printed:
    """`capsys`: what was printed since it was last read. A call of the program prints where the test made it."""

    def __init__(self):
        self.before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()

    def readouterr(self):
        texts = sys.stdout.getvalue(), sys.stderr.getvalue()
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        return collections.namedtuple("CaptureResult", "out err")(*texts)

    def close(self):
        sys.stdout, sys.stderr = self.before


def fixture(function=None, **_):
    if function is None:
        return fixture
    fixtures[function.__name__] = function
    return function


def arguments(function, given):
    """What a test function or a fixture takes: what is given, and what fixtures make."""
    made = {}
    for name in function.__code__.co_varnames[: function.__code__.co_argcount]:
        if name in given:
            made[name] = given[name]
        elif fixtures.get(name) is Printed:
            made[name] = Printed()
        elif name in fixtures:
            made[name] = fixtures[name](**arguments(fixtures[name], {}))
            if type(made[name]) is type(_ for _ in ()):
                made[name] = next(made[name])
    return made


def collected(name, thing):
    """The functions that pytest would call, with their names and the class of their `self`."""

    def is_test(name, function):
        if type(function) is not type(check) or not name.startswith("test"):
            return False
        known = {"self", *fixtures}.union(*(row for rows in function.__dict__.get("rows", []) for row in rows))
        return known.issuperset(function.__code__.co_varnames[: function.__code__.co_argcount])

    if is_test(name, thing):
        yield name, thing, None
    if isinstance(thing, type) and name.startswith("Test"):
        for method, function in list(vars(thing).items()):
            if is_test(method, function):
                yield "%s.%s" % (name, method), function, thing


def run_test(function, owner):
    import itertools

    for rows in itertools.product(*function.__dict__.get("rows", [])):
        given = {name: value for row in rows for name, value in row.items()}
        if owner:
            given["self"] = owner()
            getattr(given["self"], "setup_method", lambda: None)()
        given = arguments(function, given)
        try:
            result = function(**given)
            if type(result) is type(coroutine):
                # pytest-asyncio and its like, by whatever mark.
                asyncio.run(result)
        finally:
            for it in given.values():
                if isinstance(it, Printed):
                    it.close()


async def coroutine():
    pass


coroutine = coroutine()
coroutine.close()


def raises(kind, *call, match=None, **named):
    import contextlib, re, types

    @contextlib.contextmanager
    def manager():
        caught = types.SimpleNamespace(value=None, type=None)
        try:
            yield caught
        except kind as error:
            caught.value, caught.type = error, type(error)
            if match is None or re.search(match, str(error)):
                return
            raise
        if not report["pending"]:
            raise AssertionError("did not raise")

    if not call:
        return manager()
    with manager() as caught:
        call[0](*call[1:], **named)
    return caught


class approx:
    def __init__(self, value, rel=1e-6, abs=1e-12):
        self.value, self.rel, self.abs = value, rel, abs

    def __eq__(self, other):
        import math

        if isinstance(self.value, (list, tuple)):
            same = len(self.value) == len(other)
            return same and all(approx(a, self.rel, self.abs) == b for a, b in zip(self.value, other))
        return math.isclose(self.value, other, rel_tol=self.rel, abs_tol=self.abs)


def run_collected(names):
    """What pytest and unittest would collect, where the tests call nothing themselves."""
    import unittest

    collect = not units
    unittest.case.isinstance = names["isinstance"]  # which knows stand-ins
    unittest.TestCase.assertIs, unittest.TestCase.assertIsNot = assert_is, assert_is_not
    # Where unittest looks for what surrounds the tests of a module.
    sys.modules["tests"] = module = type(sys)("tests")
    vars(module).update((name, names[name]) for name in ("setUpModule", "tearDownModule") if name in names)
    suite = unittest.TestSuite()
    for thing in dict.fromkeys(thing for thing in names.values() if isinstance(thing, type)):
        if issubclass(thing, unittest.TestCase):
            for test in unittest.defaultTestLoader.loadTestsFromTestCase(thing):
                method = getattr(thing, test._testMethodName)
                if is_left_out(thing, thing.__qualname__) or is_left_out(method, method.__qualname__):
                    report["left_out"] += 1
                else:
                    suite.addTest(test)
    suite.run(result_of(suite))
    if collect:
        run_as_pytest(names, unittest.TestCase)


def assert_is(self, left, right, msg=None):
    if not IS(left, right):
        self.fail(msg or "%r is not %r" % (left, right))


def assert_is_not(self, left, right, msg=None):
    if IS(left, right) is True:
        self.fail(msg or "unexpectedly identical: %r" % (left,))


def is_left_out(thing, qualname):
    """Whether the task itself left a test out, or a class of them, whatever the program is."""
    skipped = getattr(thing, "__unittest_skip__", False) and qualname in skipped_by_the_task
    return skipped or getattr(thing, "__unittest_expecting_failure__", False)


def result_of(suite):
    """Counts the tests of a suite. A test has passed that ran to its end without an error and without a skip, in
    itself, in any part of it (`subTest`), and in what surrounds its class and its module."""
    import unittest

    ids = [test.id() for test in suite]

    class Result(unittest.TestResult):
        def startTest(self, test):
            running.append(test.id())
            self.bad = ""
            super().startTest(test)

        def stopTest(self, test):
            running.clear()
            super().stopTest(test)
            error = AssertionError(self.bad) if self.bad else None
            assertion("%s: %s" % (test.id(), error), test.id(), True, error)

        def note(self, test, told):
            if running:
                self.bad = self.bad or told
                return
            # `setUpClass (tests.T)` and the like: the tests in there did not run, or left something broken behind.
            place = test.id().partition("(")[2].rstrip(")") + "."
            for unit in ids:
                if unit.startswith(place):
                    assertion("%s: %s" % (test.id(), told), unit, True, AssertionError())

        def addError(self, test, error):
            self.note(test, last_line(error))

        def addFailure(self, test, error):
            self.note(test, last_line(error))

        def addSubTest(self, test, part, error):
            if error is not None:
                self.note(test, last_line(error))

        def addSkip(self, test, reason):
            self.note(test, "skipped: %s" % reason)

    return Result()


def last_line(error):
    kind, value, _ = error
    return ("%s: %s" % (kind.__name__, value)).strip().splitlines()[-1][:200]


def run_as_pytest(names, unittests):
    begun = {}

    def begin(key, function, owner):
        """Runs what comes before a module or a class once, and says what became of it."""
        if function and key not in begun:
            begun[key] = failure(function, *[owner] * (function.__code__.co_argcount - hasattr(function, "__self__")))
        return begun.get(key)

    for name, thing in list(names.items()):
        if isinstance(thing, type) and issubclass(thing, unittests):
            continue
        for test, function, owner in collected(name, thing):
            if "left_out" in function.__dict__ or owner and "left_out" in vars(owner):
                report["left_out"] += 1
                continue
            error = begin(None, names.get("setup_module"), sys.modules["tests"])
            if owner and not error:
                error = begin(owner, getattr(owner, "setup_class", None), owner)
            running.append(test)
            error = error or failure(run_test, function, owner)
            running.clear()
            assertion(test, test, True, error)


def failure(function, *args):
    try:
        function(*args)
    except (Exception, Ended) as raised:
        return raised
