# What tests take of pytest, unittest and numpy, and exceptions of the program. Goes with check.py where tests mention
# them.


def caught(tree):
    """Names in `except` clauses and in `raises(...)`: exceptions of the program, if they are names of the program."""
    for node in ast.walk(tree):
        wanted = [node.type] if isinstance(node, ast.ExceptHandler) else []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("raises", "assertRaises"):
            wanted = node.args[:1]
        for part in wanted:
            for name in ast.walk(part) if part else ():
                if isinstance(name, ast.Name) and name.id in EXTERNALS:
                    yield name.id


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
    pytest.raises, pytest.approx = raises, approx
    for name in caught(tree):
        exceptions[EXTERNALS[name]] = type(EXTERNALS[name], (Exception,), {})


def raises(kind, match=None):
    import contextlib, re

    @contextlib.contextmanager
    def manager():
        try:
            yield
        except kind as error:
            if match is None or re.search(match, str(error)):
                return
            raise
        if not report["pending"]:
            raise AssertionError("did not raise")

    return manager()


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

    collect = not report["passed"] + report["failed"]
    for name, thing in list(names.items()):
        counted = report["passed"] + report["failed"]
        if isinstance(thing, type) and issubclass(thing, unittest.TestCase):
            result = unittest.TestResult()
            unittest.defaultTestLoader.loadTestsFromTestCase(thing).run(result)
            bad = result.failures + result.errors
            report["passed"] += max(0, result.testsRun - len(bad))
            report["failed"] += len(bad)
            if bad:
                report["first"] = report["first"] or "%s: %s" % (bad[0][0], bad[0][1].strip().splitlines()[-1][:200])
        elif collect and name.startswith("test") and type(thing) is type(check) and not thing.__code__.co_argcount:
            try:
                thing()
            except Exception as error:
                assertion(name, True, error)
            if report["passed"] + report["failed"] == counted:
                assertion(name, True)
