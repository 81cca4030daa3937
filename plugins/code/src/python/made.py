# What a test makes by calling a class of the program, to compare with it, and what that may be. Goes with check.py.
# Objects and named tuples are compared by what they hold; a class may as well make plain data, such as a number of its own
# kind, and a program may call a function a class that makes whatever pleases.


def mark_made(tree):
    """Marks the calls of classes whose results an assertion compares with something else of the program, or that go where
    they cannot be followed: into a list, out of a helper, into an attribute, to a decorator."""
    made, told, within = {}, set(EXTERNALS), set()
    known = set(vars(builtins)) - told
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "solution":
            known.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if makes(node.value):
                made.setdefault(name, []).append(node.value)
            if any(isinstance(it, ast.Name) and it.id in EXTERNALS for it in ast.walk(node.value)):
                told.add(name)
    for node in ast.walk(tree):
        for test, is_same in asserted(node):
            within.update(map(id, ast.walk(test)))
            parts = list(compared_parts(test))
            names = [it.id for it in parts if isinstance(it, ast.Name) and it.id in told]
            if is_same and len(names) > 1 and not has_plain_side(test, known):
                for call in [it for it in parts if makes(it)] + [it for name in names for it in made.get(name, ())]:
                    call.is_made = True
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if makes(child) and id(child) not in within and lets_go(node):
                child.is_made = True


def has_plain_side(test, known):
    """Whether an assertion is one comparison with what stands there, which asks nothing of the program, and is more than
    nothing: `P(9) - find(3) == 0` holds where both are 0, `d(5) - d(2) == timedelta(days=3)` of few but the right."""
    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    if isinstance(test, ast.Call) and test.func.attr == "assertEqual":
        sides = test.args[:2]

    def is_plain(side):
        names = {it.id for it in ast.walk(side) if isinstance(it, ast.Name)}
        tells = any(isinstance(it, ast.Constant) and it.value not in (0, 1, None, "") for it in ast.walk(side))
        return known.issuperset(names) and tells

    return len(sides) == 2 and any(map(is_plain, sides))


def compared_parts(node):
    """The parts of an expression but for what is passed to the program."""
    yield node
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXTERNALS
    for child in [node.func] if is_call else ast.iter_child_nodes(node):
        yield from compared_parts(child)


def lets_go(node):
    """Whether what stands right in there cannot be followed to where it is compared."""
    if isinstance(node, ast.Assign):
        return not isinstance(node.targets[0], ast.Name)
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") not in EXTERNALS and getattr(node.func, "id", "") not in vars(builtins)
    return isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Return, ast.Yield, ast.Lambda, ast.keyword))


def makes(node):
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not (node.args or node.keywords):
        return False
    return node.func.id in EXTERNALS and is_class(EXTERNALS[node.func.id])


def asserted(node):
    """The expressions that a statement asserts, and whether it compares them for equality and the like."""
    same = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    if isinstance(node, ast.Assert):
        yield node.test, any(isinstance(it, same) for it in ast.walk(node.test))
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "").startswith("assert"):
        yield node, True


def MADE(value):
    """What a class made of what the test passed. Plain data has to be just that; the plugin asks again without it."""
    question = report["trace"][-1] if report["trace"] else [""]
    if isinstance(value, (Unknown, Object)) or is_named(value) or question[0] != "call" or type(question[1]) is not str:
        return value
    args, kwargs = question[2:]
    told = encode(value)
    passed = [args, *args[:1]] if len(args) == 1 else [args]
    if kwargs:
        passed = [{"dict": [[name, it] for name, it in kwargs.items()]}]
    if not any(members(told) == members(it) or value == it for it in passed):
        raise TypeError("what the test made holds something else than the test passed to make it")
    report["made"].append(json.dumps(question))
    return value


def members(told):
    """What a list or the like holds, in whatever order."""
    if isinstance(told, dict) and told.keys() <= {"tuple", "set", "frozenset", "dict", "deque", "iterator"}:
        told = next(iter(told.values()))
    return sorted(map(json.dumps, told if isinstance(told, list) else [told]))
