# Runs the tests, with names and objects of the program replaced by stand-ins that look up what the program is known
# to have answered. Trusted, and behind standins.py and questions.py.
import ast, copy, io, os, random, sys


def own(name):
    """A name of ours among the tests' names: no Python text can spell it, so it is none of theirs."""
    return ast.Name(name + " ", ast.Load())


def parsed(source, mode="exec"):
    """Code of ours that goes into the tests, in which names in capitals are ours."""
    tree = ast.parse(source, mode=mode)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in OURS:
            node.id += " "
        elif isinstance(node, ast.ExceptHandler) and node.name:
            node.name += " "
    return tree


OURS = ("ASSERTION", "ENDED", "ERROR", "PENDING")


class Asserts(ast.NodeTransformer):
    """Makes a failing assertion count and the rest of the test go on, and `is` and `type` know stand-ins."""

    caught = 0

    def visit_Assert(self, node):
        counts = any(isinstance(part, ast.Name) for part in ast.walk(node.test))
        text = "line %d: %s" % (node.lineno, ast.unparse(node.test)[:200])
        place = "%d:%d" % (node.lineno, node.col_offset)
        self.generic_visit(node)
        if self.caught:
            # It may be meant to be caught, once it is known.
            node.test = ast.BoolOp(ast.Or(), [node.test, parsed("PENDING()", "eval").body])
            return node
        told = "ASSERTION(%r, %r, %r" % (text, place, counts)
        bad = parsed("try: pass\nexcept (Exception, ENDED) as ERROR: %s, ERROR)" % told).body[0]
        bad.body = [node, *parsed(told + ")").body]
        return bad

    def visit_FunctionDef(self, node):
        # What surrounds a class or a module fails as a whole: none of the tests in it runs.
        self.caught += node.name in SURROUNDING
        self.generic_visit(node)
        self.caught -= node.name in SURROUNDING
        return node

    def visit_Try(self, node):
        for block in (node.orelse, node.finalbody, *(handler.body for handler in node.handlers)):
            block[:] = [self.visit(statement) for statement in block]
        self.caught += 1
        node.body = [self.visit(statement) for statement in node.body]
        self.caught -= 1
        return node

    def visit_With(self, node):
        calls = [item.context_expr.func for item in node.items if isinstance(item.context_expr, ast.Call)]
        catches = any(getattr(call, "attr", getattr(call, "id", "")) in RAISES for call in calls)
        self.caught += catches
        self.generic_visit(node)
        self.caught -= catches
        return node

    def visit_ImportFrom(self, node):
        return ast.Pass() if node.module == "solution" else node

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) > 1 or not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return node
        same = ast.Call(own("IS"), [node.left, *node.comparators], [])
        return same if isinstance(node.ops[0], ast.Is) else ast.UnaryOp(ast.Not(), same)

    def visit_BinOp(self, node):
        place = "%d:%d-%d:%d" % (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        self.generic_visit(node)
        if place not in OPERANDS:
            return node
        function = ast.parse("lambda L, R: L + R", mode="eval").body
        function.body.op = node.op
        return ast.Call(own("OPERATE"), [ast.Constant(place), function, node.left, node.right], [])

    def visit_Call(self, node):
        self.generic_visit(node)
        if hasattr(node, "is_made"):
            return ast.Call(own("MADE"), [node], [])
        if getattr(node.func, "id", "") == "type" and len(node.args) == 1 and not node.keywords:
            node.func = own("TYPE")
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if node.attr == "__class__" and isinstance(node.ctx, ast.Load):
            return ast.Call(own("TYPE"), [node.value], [])
        return node


SURROUNDING = ("setUpModule", "setUpClass", "tearDownClass", "tearDownModule", "setup_module", "setup_class")
RAISES = ("raises", "assertRaises", "assertRaisesRegex")
# What the score counts: statements that assert, each as good as its worst time, or test functions. The one that runs.
units = {}
running = []


def assertion(text, place, counts, error=None):
    if error is not None:
        shown = "" if type(error) is AssertionError else " raised %s: %s" % (type(error).__name__, str(error)[:80])
        report["first"] = report["first"] or text + shown
    if error is not None or counts:
        unit = running[-1] if running else place
        units[unit] = units.get(unit, True) and error is None


def taken_out(tree):
    """Takes what runs under `if __name__ == "__main__":` out of the tests. It is for who runs them as a program, so it
    is their way in where there is no other."""
    main = [it for it in tree.body if isinstance(it, ast.If) and ast.unparse(it.test) in MAIN]
    tree.body = [it for it in tree.body if it not in main]
    return ast.Module([statement for it in main for statement in it.body], [])


MAIN = ("__name__ == '__main__'", "'__main__' == __name__")


def prepare(tree):
    """See frameworks.py."""


def HELD(kind, function, value):
    """See held.py."""


def run_collected(names):
    """See frameworks.py."""


def check(source, nonce):
    sys.stdout = sys.stderr = io.TextIOWrapper(io.BytesIO(), "utf-8")
    random.seed(0)
    tree = ast.parse(source)
    prepare(tree)
    mark_made(tree)
    keep_arguments(tree)
    names = {"__name__": "tests"}
    try:
        exec(PRELUDE, names)
        exceptions.update((name, names[name]) for name in TASK if name in names)
        names.update((alias, exceptions.get(name) or Name(name)) for alias, name in EXTERNALS.items())
        ours = dict(ASSERTION=assertion, ENDED=Ended, PENDING=PENDING, IS=IS, TYPE=TYPE, KEEPING=keeping)
        ours.update(MADE=MADE, OPERATE=OPERATE, HELD=HELD)
        names.update((own(name).id, it) for name, it in ours.items())
        if "hash" not in EXTERNALS:
            names["hash"] = hash_of
        names["isinstance"] = about_classes("isinstance", isinstance)
        names["issubclass"] = about_classes("issubclass", issubclass)
        main = taken_out(tree)
        exec(compile(ast.fix_missing_locations(Asserts().visit(tree)), "tests.py", "exec"), names)
        run_collected(names)
        if main.body and not units and not report["left_out"] and not report["asked"]:
            exec(compile(ast.fix_missing_locations(Asserts().visit(main)), "tests.py", "exec"), names)
    except (Unsplittable, Stuck):
        pass
    except Ended as error:
        report["error"] = str(error)
    except BaseException as error:
        report["error"] = "%s: %s" % (type(error).__name__, str(error)[:200])
    if not report["pending"]:
        report["trace"] = []
        for name, answers in memberships.items():
            if len(answers) == 1:
                told = "`in` of %s was %s whatever was looked for" % (name, *answers)
                assertion(told, told, True, AssertionError())
    os.write(1, ("\n%s 0 %s\n" % (nonce, json.dumps(summary()))).encode())


def summary():
    return dict(report, passed=sum(units.values()), failed=len(units) - sum(units.values()))
