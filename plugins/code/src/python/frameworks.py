# What tests take of pytest, unittest and numpy, and exceptions of the program. Goes with check.py where tests mention
# them.


def caught(tree):
    """Names in `except` clauses and in `raises(...)`: which errors the tests are prepared for."""
    for node in ast.walk(tree):
        wanted = [node.type] if isinstance(node, ast.ExceptHandler) else []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in RAISES:
            wanted = node.args[:1]
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
    for name in caught(tree):
        if name in EXTERNALS:
            exceptions[EXTERNALS[name]] = type(EXTERNALS[name], (Exception,), {})
        else:
            caught_names.add(name)


fixtures = {}


class Mark:
    """`pytest.mark`: only `parametrize` means anything here."""

    def __getattr__(self, mark):
        def parametrize(names, values, **_):
            names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
            rows = [dict(zip(names, value if len(names) > 1 else [value])) for value in values]

            def decorate(function):
                function.__dict__.setdefault("rows", []).append(rows)
                return function

            return decorate

        def other(*args, **_):
            return args[0] if len(args) == 1 and callable(args[0]) else lambda function: function

        return parametrize if mark == "parametrize" else other


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
        for method, function in vars(thing).items():
            if is_test(method, function):
                yield "%s.%s" % (name, method), function, thing


def run_test(function, owner):
    import itertools

    for rows in itertools.product(*function.__dict__.get("rows", [])):
        given = {name: value for row in rows for name, value in row.items()}
        if owner:
            given["self"] = owner()
            getattr(given["self"], "setup_method", lambda: None)()
        function(**arguments(function, given))


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

    unittest.case.isinstance = names["isinstance"]  # which knows stand-ins

    class Result(unittest.TestResult):
        def startTest(self, test):
            running.append(test.id())
            super().startTest(test)

        def stopTest(self, test):
            running.clear()
            super().stopTest(test)
            bad = [told for case, told in self.failures + self.errors if case.id() == test.id()]
            error = AssertionError(bad[0].strip().splitlines()[-1][:200]) if bad else None
            assertion("%s: %s" % (test.id(), error), test.id(), True, error)

    collect = not units
    for name, thing in list(names.items()):
        if isinstance(thing, type) and issubclass(thing, unittest.TestCase):
            unittest.defaultTestLoader.loadTestsFromTestCase(thing).run(Result())
            continue
        for test, function, owner in collected(name, thing) if collect else ():
            running.append(test)
            error = None
            try:
                run_test(function, owner)
            except (Exception, Ended) as raised:
                error = raised
            running.clear()
            assertion(test, test, True, error)
