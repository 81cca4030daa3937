# Runs program and tests in one interpreter, for tests that cannot be kept apart from it. The program gets a Python
# without reflection: its syntax tree is vetted before it runs, and it sees chosen builtins and copies of chosen
# modules. Whether the tests passed is told with a nonce that only this function's frame holds.
# The modules, and which of their names: none that gets or sets attributes by name, evaluates text or makes classes.
MODULES = dict.fromkeys("bisect cmath datetime decimal fractions heapq itertools math random statistics textwrap".split())
MODULES.update(
    abc="ABC abstractmethod",
    collections="ChainMap Counter OrderedDict defaultdict deque namedtuple",
    copy="copy deepcopy",
    dataclasses="dataclass field",
    functools="cache cmp_to_key lru_cache partial reduce total_ordering",
    json="dumps loads",
    re="compile findall finditer fullmatch match search split sub subn escape I IGNORECASE M MULTILINE S DOTALL X VERBOSE",
    string="ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable punctuation whitespace",
    typing="Any Callable Counter DefaultDict Deque Dict FrozenSet Generator Generic Hashable Iterable Iterator List "
    "Literal Mapping NamedTuple Optional Sequence Set Tuple Type TypeVar Union",
    __future__="annotations",
)
METHODS_ALLOWED = (
    "__init__ __repr__ __str__ __len__ __iter__ __next__ __getitem__ __contains__ __call__ __enter__ __exit__ "
    "__post_init__"
).split()
BUILTINS_ALLOWED = (
    "abs all any ascii bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter float "
    "frozenset hash hex id int isinstance issubclass iter len list map max min next object oct ord pow print property "
    "range repr reversed round set slice sorted staticmethod str sum super tuple zip __build_class__"
).split()
OPERATORS = [
    "__%s__" % name
    for name in (
        "eq ne lt le gt ge hash bool add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow "
        "neg pos abs round int float index getattr getattribute"
    ).split()
]
FRAMES = ("gi_", "cr_", "ag_", "tb_", "f_", "co_", "func_")


# Classes that the program may reach, and what they had: the tests share them.
PRISTINE = {}
# Classes of the task among them, which may have operators.
OF_THE_TASK = set()


class Refused(Exception):
    pass


def vet(tree):
    import re

    def hidden(name):
        return name.startswith("_") or name.startswith(FRAMES) or name == "mro"

    for node in ast.walk(tree):
        kind = type(node)
        names = []
        if kind is ast.Attribute:
            owner = node.value
            own = isinstance(owner, ast.Name) and owner.id in ("self", "cls") and not node.attr.startswith("__")
            start = isinstance(owner, ast.Call) and getattr(owner.func, "id", "") == "super" and node.attr == "__init__"
            if hidden(node.attr) and not own and not start:
                raise Refused("the attribute %s" % node.attr)
            if node.attr in ("format", "format_map"):
                text = getattr(owner, "value", None) if isinstance(owner, ast.Constant) else None
                if not isinstance(text, str) or re.search(r"\{[^}:!]*[.\[]", text):
                    raise Refused("a format that reads attributes")
        elif kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
            names = [] if node.name in METHODS_ALLOWED else [node.name]
            if kind is ast.ClassDef and node.keywords:
                raise Refused("a metaclass")
        elif kind is ast.Name:
            names = [] if node.id == "__name__" else [node.id]
        elif kind in (ast.arg, ast.keyword):
            names = [node.arg or ""]
        elif kind is ast.alias:
            names = [node.asname or "", *node.name.split(".")]
            if node.name == "__future__":
                names = []
        elif kind in (ast.Global, ast.Nonlocal):
            names = node.names
        elif kind is ast.MatchClass:
            if any(hidden(name) for name in node.kwd_attrs):
                raise Refused("a pattern that reads attributes")
        elif kind is ast.Constant and isinstance(node.value, (str, bytes)):
            if "__" in (node.value if isinstance(node.value, str) else node.value.decode("latin-1")):
                raise Refused("a text with __")
        if kind is ast.alias and any(name.startswith("_") for name in names):
            raise Refused("the import of a hidden name")
        if any(name.startswith("__") for name in names):
            raise Refused("the name %s" % names[0])


def facade(name, globals=None, locals=None, names=(), level=0):
    import importlib, types

    if name not in MODULES or level:
        raise ImportError("no module %s for a guarded program" % name)
    module = importlib.import_module(name)
    chosen = MODULES[name]
    public = chosen.split() if chosen else [name for name in dir(module) if name[0] != "_"]
    values = {name: getattr(module, name) for name in public}
    for it in values.values():
        if isinstance(it, type):
            PRISTINE.setdefault(it, dict(vars(it)))
    return types.SimpleNamespace(**{name: it for name, it in values.items() if type(it) is not types.ModuleType})


def see_that_the_library_is_whole():
    for kind, names in PRISTINE.items():
        now = vars(kind)
        if len(now) != len(names) or any(now.get(name) is not it for name, it in names.items()):
            raise Refused("a changed %s" % kind.__name__)


def kind_of(value):
    """`type` of one argument, and of no class: what it would give makes classes."""
    if isinstance(value, type):
        raise Refused("the type of a type")
    return type(value)


def plain(value, depth=64):
    """The value with nothing in it that could compare itself as it likes."""
    kind = type(value)
    if depth == 0:
        raise ValueError("nested too deeply")
    if kind in (list, tuple, set, frozenset):
        return kind([plain(item, depth - 1) for item in value])
    if kind is dict:
        return {plain(key, depth - 1): plain(item, depth - 1) for key, item in value.items()}
    import decimal, fractions

    if kind not in (fractions.Fraction, decimal.Decimal) and kind not in OF_THE_TASK:
        for name in OPERATORS:
            method = getattr(kind, name, None)
            if method is not None and type(method) not in (type(object.__eq__), type(str.join)):
                raise Refused("an object with operators of its own")
    return value


def wrapped(thing):
    if isinstance(thing, type) or not callable(thing):
        return thing if isinstance(thing, type) else plain(thing)

    def call(*args, **kwargs):
        result = plain(thing(*args, **kwargs))
        see_that_the_library_is_whole()
        return result

    return call


def given(tree, prelude):
    """The statements with which the program starts as the task has them, taken from it."""
    same = 0
    for mine, theirs in zip(tree.body, ast.parse(prelude).body):
        if ast.dump(mine) != ast.dump(theirs):
            break
        same += 1
    start = ast.Module(tree.body[:same], [])
    del tree.body[:same]
    return start


def run_start(start, mine):
    """Runs the start of the program, and keeps its classes: the tests and the program have the same ones."""
    exec(compile(start, "solution.py", "exec", dont_inherit=True), mine)
    names = [statement.name for statement in start.body if isinstance(statement, ast.ClassDef)]
    classes = {name: mine[name] for name in names if isinstance(mine.get(name), type)}
    for kind in classes.values():
        OF_THE_TASK.add(kind)
        PRISTINE[kind] = dict(vars(kind))
    return classes


def guard(source, program, nonce):
    emit, text = os.write, json.dumps
    sys.stdout = sys.stderr = io.TextIOWrapper(io.BytesIO(), "utf-8")
    known = {name: vars(builtins)[name] for name in BUILTINS_ALLOWED}
    known.update((name, it) for name, it in vars(builtins).items() if name[0].isupper() and name != "Ellipsis")
    known.update(__import__=facade, type=kind_of)
    report["asked"] = 1
    try:
        random.seed(0)
        prepare(ast.parse(""))
        skipped_by_the_task.update(decorated_without_the_program(ast.parse(source)))
        tree = ast.parse(program)
        start = given(tree, PRELUDE)
        vet(tree)
        mine = {"__name__": "solution", "__builtins__": known}
        classes = run_start(start, mine)
        exec(compile(tree, "solution.py", "exec", dont_inherit=True), mine)
        see_that_the_library_is_whole()
        names = {"__name__": "tests"}
        exec(PRELUDE, names)
        names.update(classes)
        names.update((alias, wrapped(mine[name])) for alias, name in EXTERNALS.items() if name in mine)
        ours = dict(ASSERTION=assertion, ENDED=Ended, PENDING=PENDING, IS=IS, TYPE=TYPE)
        names.update({own(name).id: it for name, it in ours.items()}, isinstance=isinstance)
        tree = ast.fix_missing_locations(Asserts().visit(ast.parse(source)))
        exec(compile(tree, "tests.py", "exec"), names)
        run_collected(names)
    except Refused as error:
        report["error"] = "guarded programs may not use %s" % error
    except BaseException as error:
        report["error"] = "%s: %s" % (type(error).__name__, str(error)[:200])
    emit(1, ("\n%s 0 %s\n" % (nonce, text(summary()))).encode())
