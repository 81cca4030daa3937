# Which calls of a test keep what they pass: the program is handed a copy, so the test goes on with its own, and what a
# program does to its argument does not move what the test computes from it (`assert f(xs) == sorted(xs)`). A test that
# is about the change sees it: one that calls and uses no result, or that looks at the argument by itself afterwards
# (`assert xs == [1, 2]`, `assert xs[:k] == want`). Goes with check.py.


def inside(scope):
    """The nodes of a function or a module, without those of functions in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from inside(node)


def place_of(node):
    """The variable, or the attribute of one, that an expression takes from."""
    while isinstance(node, (ast.Starred, ast.Subscript)):
        node = node.value
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else None


def parts(node):
    """What an expression may come to, or says one after the other."""
    if isinstance(node, ast.BoolOp):
        return [part for value in node.values for part in parts(value)]
    if isinstance(node, ast.IfExp):
        return [part for value in (node.test, node.body, node.orelse) for part in parts(value)]
    return parts(node.operand) if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else [node]


class Scope:
    def __init__(self, node):
        self.nodes = list(inside(node))
        # Calls that may be the program's, and whether their result is used.
        self.calls = [it for it in self.nodes if isinstance(it, ast.Call) and may_ask(it)]
        self.alone = {id(it.value) for it in self.nodes if isinstance(it, ast.Expr)}
        self.results = set()
        for it in self.nodes:
            if isinstance(it, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and it.value and self.answers(it.value):
                for target in getattr(it, "targets", None) or [it.target]:
                    self.results.update(name.id for name in ast.walk(target) if isinstance(name, ast.Name))

    def answers(self, node):
        """Whether an expression depends on an answer, other than for where it looks."""
        if isinstance(node, ast.Subscript):
            return self.answers(node.value)
        if isinstance(node, ast.Call) and may_ask(node) or isinstance(node, ast.Name) and node.id in self.results:
            return True
        return any(self.answers(child) for child in ast.iter_child_nodes(node))

    def looked_at(self):
        """Pairs of a place and the last line of a statement that looks at what is there now, and at no answer."""
        for it in self.nodes:
            asserts = isinstance(it, ast.Call) and getattr(it.func, "attr", "").startswith("assert")
            if asserts:
                yield from self.compared(it.args, it)
            elif isinstance(it, ast.Assert):
                yield from self.looks(it.test, it)
            elif isinstance(it, ast.Return) and it.value:
                yield from self.looks(it.value, it)
            elif isinstance(it, ast.Assign):
                for part in parts(it.value):
                    if isinstance(part, ast.Name):
                        yield part.id, it.end_lineno

    def looks(self, test, statement):
        for part in parts(test):
            if isinstance(part, ast.Compare):
                yield from self.compared([part.left, *part.comparators], statement)
            else:
                yield from self.compared([part], statement)

    def compared(self, sides, statement):
        for side in sides:
            others = [other for other in sides if other is not side]
            if not any(self.answers(other) for other in others):
                for part in parts(side):
                    if not self.answers(part):
                        yield from ((place, statement.end_lineno) for place in map(place_of, ast.walk(part)) if place)


def may_ask(call):
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
    if isinstance(call.func, ast.Attribute):
        return not name.startswith("assert") and name not in BUILTIN_METHODS and name not in OF_TESTS
    return name in EXTERNALS or name not in vars(builtins) and name not in OF_TESTS


OF_TESTS = {"raises", "approx", "subTest", "skipTest", "isclose", "allclose", "deepcopy"}


def keep_arguments(tree):
    """Marks the calls that keep what they pass."""
    helpers = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "solution":
            helpers.update(alias.asname or alias.name for alias in node.names)
    OF_TESTS.update(helpers - set(EXTERNALS))
    functions = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)
    for scope in [Scope(node) for node in ast.walk(tree) if isinstance(node, functions)]:
        looks = list(scope.looked_at())
        for call in scope.calls:
            places = [place_of(arg) for arg in call.args if not isinstance(arg, ast.Constant)]
            if id(call) in scope.alone or not places:
                continue
            if not any(place in places and line >= call.lineno for place, line in looks):
                call.func = ast.Call(own("KEEPING"), [call.func], [])


def keeping(function):
    if not isinstance(function, (Name, Object, Method)):
        return function

    def call(*args, **kwargs):
        kept = (list, dict, set, bytearray)
        return function(*[copy.copy(arg) if isinstance(arg, kept) else arg for arg in args], **kwargs)

    return call
