# Runs a program and asks it one thing after the other. Untrusted: the program shares this interpreter, so whatever
# comes out of here is a claim, compared elsewhere. Nothing expected enters. Compiled in every run, so it is short.
import builtins, io, os, random, sys


BUILTINS = dict(vars(builtins))


def places(kind, names):
    """Where a class is found, as pairs of a module and a name. What it calls itself is only where to look."""
    name, module = kind.__name__, kind.__module__
    found = [["builtins", name]] if BUILTINS.get(name) is kind else []
    found += [["solution", name] for name, value in names.items() if value is kind]
    if not found and vars(sys.modules.get(module, builtins)).get(name) is kind:
        found = [[module, name]]
    return found or [["", name]]


def raised(error, names):
    try:
        text = str(error)[:200]
    except BaseException:
        text = ""
    return {"raised": [place for kind in type(error).__mro__ for place in places(kind, names)], "text": text}


def find(names, name):
    if name in names:
        return names[name]
    raise NameError("name %r is not defined" % name)


def perform(names, operation, name, args, kwargs):
    return {"value": encode(find(names, name)(*args, **kwargs))}


def read(size):
    parts = []
    while size and (part := os.read(0, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts).decode()


def told(question):
    """A question as it comes: JSON where all of it is plain data, else an expression."""
    return json.loads(question) if question[0] == "[" else eval(question)


def execute(source, nonce):
    out = sys.stdout
    # What the program prints is no part of the answer, and must not disturb it; nor is there anything for it to read.
    global PRINTED
    sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in "ioe")
    PRINTED = sys.stdout, sys.stderr
    sys.setrecursionlimit(sys.getrecursionlimit() + 3)  # the frames below the program are ours
    sys.set_int_max_str_digits(0)
    # The same question has the same answer in every run.
    random.seed(0)
    os.urandom = random._urandom = random.Random(0).randbytes
    module = sys.modules["solution"] = type(sys)("solution")
    names = module.__dict__
    number, question = 0, ""
    while True:
        try:
            if number:
                record = perform(names, *told(question))
            else:
                record = exec(compile(source, "solution.py", "exec", 0, True), names) or {}
        except BaseException as error:
            # A program that reads input at its end has defined what is asked for before.
            record = {} if not number and type(error) is EOFError else raised(error, names)
        out.write("\n%s %d %s\n" % (nonce, number, json.dumps(record)))
        out.flush()
        # The next question comes in when this one is answered, and takes its place.
        question = "" if record and not number else read(8)
        if not question:
            return
        question = read(int(question, 16))
        number += 1
