# Finds a function of the program, or a method of its class Solution. Replaces `find` of execute.py.


def find(names, name):
    if name in names:
        return names[name]
    if hasattr(names.get("Solution"), name):
        return getattr(names["Solution"](), name)
    raise NameError("name %r is not defined" % name)
