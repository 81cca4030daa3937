# `vars(it)`, `it.__dict__`, `asdict(it)` and `astuple(it)` of objects of the program: what they hold, which is claimed as
# everything is. Two of them are equal where the objects are found to hold the same, by the rule for `==`, so that a program
# that hands out one object for everything gets nothing by it. Goes behind check.py where tests mention one of these.


class Held(dict):
    """What an object holds, by name."""

    def __eq__(self, other):
        return held_alike(self, other) if isinstance(other, (Held, Fields)) else dict.__eq__(self, other)

    def __ne__(self, other):
        return not self == other


class Fields(tuple):
    """What an object holds, in order."""

    def __eq__(self, other):
        return held_alike(self, other) if isinstance(other, (Held, Fields)) else tuple.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    __hash__ = tuple.__hash__


def held_alike(left, right):
    left, right = left.thing, right.thing
    if number_of(left) == number_of(right):
        return left == right
    told = told_of(left), told_of(right)
    return any(isinstance(it, Unknown) for it in told) or holds_the_same(left, right, *told)


def HELD(kind, function, value):
    """`vars`, `asdict` or `astuple` of what may be an object of the program."""
    if isinstance(function, Name):
        return function(value)
    thing = resolved(value)
    if isinstance(thing, Unknown):
        return thing
    return held(kind, thing) if isinstance(thing, Object) else function(thing)


def held(kind, thing):
    fields = None if kind == "vars" else ask("get", number_of(thing), "__dataclass_fields__")
    told = told_of(thing)
    if isinstance(told, Unknown) or isinstance(fields, Unknown):
        return Unknown()
    items = {name: value for name, value in told[0].items() if fields is None or name in fields}
    if fields is not None:
        items = {name: held_within(kind, value) for name, value in items.items()}
    found = Held(items) if kind != "astuple" else Fields(items.values())
    found.thing = thing
    return found


def held_within(kind, value):
    """The value of a field, in which other dataclasses are taken apart as well."""
    if isinstance(value, Object):
        return held(kind, value)
    if type(value) in (list, tuple):
        return type(value)(held_within(kind, item) for item in value)
    return {key: held_within(kind, item) for key, item in value.items()} if type(value) is dict else value


class Holding(ast.NodeTransformer):
    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "dataclasses":
            name = node.func.attr
        if name not in ("vars", "asdict", "astuple") or len(node.args) != 1 or node.keywords:
            return node
        return of_kind(name, node.func, node.args[0])

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if node.attr != "__dict__" or not isinstance(node.ctx, ast.Load):
            return node
        return of_kind("vars", ast.Name("vars", ast.Load()), node.value)


def of_kind(kind, function, value):
    return ast.Call(own("HELD"), [ast.Constant(kind), function, value], [])


prepare_others = prepare


def prepare(tree):
    Holding().visit(tree)
    prepare_others(tree)
