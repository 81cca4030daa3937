# Runs a program and calls what it defines. Untrusted: the program shares this interpreter, so whatever comes out of
# here is a claim, compared elsewhere. No expected value enters. Compiled in every run, so it is short.
import io, sys


def raised(error):
    try:
        text = str(error)[:200]
    except BaseException:
        text = ""
    return {"raised": [base.__name__ for base in type(error).__mro__], "text": text}


def find(names, name):
    if name in names:
        return names[name]
    raise NameError("name %r is not defined" % name)


def perform(names, name, args, kwargs={}):
    return {"value": encode(find(names, name)(*args, **kwargs))}


def execute(source, nonce, calls):
    out = sys.stdout
    # What the program prints is no part of the answer, and must not disturb it.
    sys.setrecursionlimit(sys.getrecursionlimit() + 3)  # the frames below the program are ours
    sys.stdout = sys.stderr = io.TextIOWrapper(io.BytesIO(), "utf-8")
    module = sys.modules["solution"] = type(sys)("solution")
    names = module.__dict__
    for number, call in enumerate([None, *calls]):
        try:
            if number:
                record = perform(names, *call)
            else:
                record = exec(compile(source, "solution.py", "exec", 0, True), names) or {}
        except BaseException as error:
            record = raised(error)
        out.write("\n%s %d %s\n" % (nonce, number, json.dumps(record)))
        out.flush()
        if not number and record:
            return
