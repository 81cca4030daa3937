"""Options as a dataclass: its JSON Schema, and the one clear error when a reward file gets them wrong."""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from typing import Any, Literal, Optional, Union, get_args, get_origin

from gavel_plugin.submission import InvalidOptions

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def option(default: Any = dataclasses.MISSING, help: str = "", **limits: Any) -> Any:
    """A field of an options class with a description, and limits as JSON Schema names them (`minimum`, `maximum`,
    `minItems`)."""
    metadata = {"help": help, "limits": limits}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def schema(options: Optional[type]) -> str:
    """The JSON Schema of an options class, as text."""
    properties, required = {}, []
    for field, kind in _fields(options):
        property = _type_schema(kind)
        property.update(field.metadata.get("limits", {}))
        default = _default(field)
        if default is dataclasses.MISSING:
            required.append(field.name)
        elif default is not None:
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
        if len(value) < limits.get("minItems", 0):
            raise InvalidOptions(f"`{name}` must have at least {limits['minItems']} entries")
        return [_checked(f"{name}[{index}]", item, get_args(kind)[0], {}) for index, item in enumerate(value)]
    number = kind in (int, float) and isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and (kind is float or value == int(value)) if kind in (int, float) else isinstance(value, kind)):
        raise InvalidOptions(f"`{name}` is {_shown(value)}; it must be of the type {_TYPES[kind]}")
    if number and not limits.get("minimum", value) <= value <= limits.get("maximum", value):
        bounds = [f"{word} {limits[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in limits]
        raise InvalidOptions(f"`{name}` is {_shown(value)}; it must be {' and '.join(bounds)}")
    return kind(value)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]


def _listed(names: typing.Iterable[Any]) -> str:
    return ", ".join(f"`{name}`" for name in names)
