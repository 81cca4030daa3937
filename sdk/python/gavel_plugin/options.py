"""Options as a dataclass: its JSON Schema, and the one clear error when a reward file gets them wrong."""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from typing import Any, Literal, Optional, Union, get_args, get_origin

from gavel_plugin.submission import InvalidOptions

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


# The limits that an option can have, as JSON Schema names them, by what they are of.
_LIMITS = {"minimum": "a number", "maximum": "a number", "minItems": "a list", "maxItems": "a list"}


def option(default: Any = dataclasses.MISSING, help: str = "", **limits: Any) -> Any:
    """A field of an options class with a description, and limits as JSON Schema names them: `minimum` and `maximum` of a
    number, `minItems` and `maxItems` of a list. The values that it may have are its type, as in `Literal["soft", "hard"]`.

    A name that is none of these raises `TypeError`: it would limit nothing.
    """
    for name, limit in limits.items():
        if name not in _LIMITS:
            raise TypeError(_no_limit(name, limit))
        if isinstance(limit, bool) or not isinstance(limit, (int, float)):
            raise TypeError(f"`{name}={limit!r}` of an option is no number")
    metadata = {"help": help, "limits": limits}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _no_limit(name: str, value: Any) -> str:
    """What is said of a name that `option` does not know."""
    known = ["default", "help", *_LIMITS]
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"`{name}` limits no option; did you mean `{close[0]}`?"
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"`{name}` limits no option; say the values that it may have by its type: Literal[{str(list(value))[1:-1]}]"
    return f"`{name}` limits no option; there are {_listed(known)}"


def schema(options: Optional[type]) -> str:
    """The JSON Schema of an options class, as text; raises `TypeError` where the class itself makes no sense."""
    properties, required = {}, []
    for field, kind in _fields(options):
        property = _type_schema(kind)
        limits = field.metadata.get("limits", {})
        _check_limits(field.name, kind, limits)
        property.update(limits)
        default = _default(field)
        if default is dataclasses.MISSING:
            required.append(field.name)
        elif default is not None:
            _check_default(field.name, default, kind, limits)
            property["default"] = default
        if field.metadata.get("help"):
            property["description"] = field.metadata["help"]
        properties[field.name] = property
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if required:
        document["required"] = required
    return json.dumps(document)


def read(options: Optional[type], text: str) -> Any:
    """Reads a JSON object into an options class; raises `InvalidOptions` with the name of the field."""
    try:
        values = json.loads(text or "{}")
    except ValueError as error:
        raise InvalidOptions(f"the options are not JSON: {error}") from None
    if not isinstance(values, dict):
        raise InvalidOptions("the options are not a JSON object")
    fields = {field.name: (field, kind) for field, kind in _fields(options)}
    for name in values:
        if name not in fields:
            raise InvalidOptions(_unknown(name, list(fields)))
    for name, (field, _) in fields.items():
        if name not in values and _default(field) is dataclasses.MISSING:
            raise InvalidOptions(f"`{name}` is missing")
    if options is None:
        return None
    for name, value in values.items():
        field, kind = fields[name]
        values[name] = _checked(name, value, kind, field.metadata.get("limits", {}))
    try:
        return options(**values)
    except ValueError as error:  # of `__post_init__`
        raise InvalidOptions(str(error)) from None


def _fields(options: Optional[type]) -> list[tuple[dataclasses.Field, Any]]:
    if options is None:
        return []
    kinds = typing.get_type_hints(options)
    return [(field, kinds[field.name]) for field in dataclasses.fields(options)]


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"`{name}` is not an option; did you mean `{close[0]}`?"
    if not known:
        return f"`{name}` is not an option; this plugin has none"
    return f"`{name}` is not an option; there are {_listed(known)}"


def _type_schema(kind: Any) -> dict[str, Any]:
    if kind in _TYPES:
        return {"type": _TYPES[kind]}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is list:
        return {"type": "array", "items": _type_schema(get_args(kind)[0])}
    if get_origin(kind) is Union and type(None) in get_args(kind):
        return {"anyOf": [_type_schema(_some(kind)), {"type": "null"}]}
    raise TypeError(f"an option cannot be of the type {kind}: use bool, int, float, str, Literal, list or Optional")


def _check_limits(name: str, kind: Any, limits: typing.Iterable[str]) -> None:
    """Refuses a limit that the type cannot have, which would limit nothing."""
    plain = _some(kind) if get_origin(kind) is Union else kind
    has = "a list" if get_origin(plain) is list else "a number" if plain in (int, float) else "neither"
    for limit in limits:
        if _LIMITS[limit] != has:
            raise TypeError(f"`{limit}` is a limit of {_LIMITS[limit]}, which the option `{name}` is not")


def _check_default(name: str, default: Any, kind: Any, limits: typing.Mapping[str, Any]) -> None:
    """Refuses a default that a reward file could not give: nobody would see it otherwise."""
    try:
        _checked(name, default, kind, limits)
    except InvalidOptions as error:
        raise TypeError(f"the default of an option: {error}") from None


def _some(kind: Any) -> Any:
    """The type that is optional in `Optional[type]`."""
    return next(part for part in get_args(kind) if part is not type(None))


def _checked(name: str, value: Any, kind: Any, limits: typing.Mapping[str, Any]) -> Any:
    """The value as the type that the field has, within its limits."""
    if get_origin(kind) is Union:
        return None if value is None else _checked(name, value, _some(kind), limits)
    if get_origin(kind) is Literal:
        if value not in get_args(kind) or isinstance(value, bool) != isinstance(get_args(kind)[0], bool):
            raise InvalidOptions(f"`{name}` is {_shown(value)}; it must be one of {_listed(get_args(kind))}")
        return value
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise InvalidOptions(f"`{name}` is {_shown(value)}; it must be a list")
        if not limits.get("minItems", 0) <= len(value) <= limits.get("maxItems", len(value)):
            raise InvalidOptions(f"`{name}` must have {_bounds(limits, 'minItems', 'maxItems')} entries")
        return [_checked(f"{name}[{index}]", item, get_args(kind)[0], {}) for index, item in enumerate(value)]
    number = kind in (int, float) and isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and (kind is float or value == int(value)) if kind in (int, float) else isinstance(value, kind)):
        raise InvalidOptions(f"`{name}` is {_shown(value)}; it must be of the type {_TYPES[kind]}")
    if number and not limits.get("minimum", value) <= value <= limits.get("maximum", value):
        raise InvalidOptions(f"`{name}` is {_shown(value)}; it must be {_bounds(limits, 'minimum', 'maximum')}")
    return kind(value)


def _bounds(limits: typing.Mapping[str, Any], least: str, most: str) -> str:
    """Two limits in words, of which one may be missing."""
    return " and ".join(f"{word} {limits[key]}" for key, word in ((least, "at least"), (most, "at most")) if key in limits)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)[:60]


def _listed(names: typing.Iterable[Any]) -> str:
    return ", ".join(f"`{name}`" for name in names)
