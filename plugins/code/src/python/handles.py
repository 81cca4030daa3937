# Objects of the program's own stay with it; what goes out is their number.
import binascii

objects = {}
numbers = {}
touched = []
# The question that is being answered, and how often it was asked.
asking, times = "", {}


def encode_other(value, kind):
    number = numbers.get(id(value))
    if number is None:
        # Numbered by the question that brought it up, not in turn: further questions in between change no number.
        name = "%s %d %d" % (asking, times.get(asking, 0), len(touched))
        number = binascii.crc32(name.encode("utf-8", "replace"))
        while number in objects:
            number += 1
        objects[number], numbers[id(value)] = value, number
    touched.append(number)
    return {"object": [number, kind.__name__]}
