"""From names in a specification to objects: built-ins and plug-ins come in by the same door.

A distribution offers a class under a name in an entry-point group (``saccade.blocks``,
``saccade.sources``, ``saccade.encoders``, ``saccade.sinks``); it is imported when first asked for.
Settings are built from what JSON and TOML can hold, checked against the settings class.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from saccade.realtime.errors import ConfigError


def names(group: str) -> list[str]:
    """Return the names offered in an entry-point group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> Any:
    """Return what a name stands for.

    Parameters
    ----------
    group : str
        Entry-point group, such as ``"saccade.blocks"``.
    name : str
        One of :func:`names`.

    Raises
    ------
    ConfigError
        If the name is unknown, offered by two distributions, or can't be imported.
    """
    found = {point.value: point for point in entry_points(group=group, name=name)}
    if not found:
        known = names(group)
        raise ConfigError(
            f"expected one of {', '.join(known) or 'nothing (none is installed)'} in {group}, "
            f"not {name!r}{hint(name, known)}"
        )
    if len(found) > 1:
        raise ConfigError(
            f"{name!r} in {group} is offered by {' and '.join(map(_origin, found.values()))}: "
            "uninstall all but one"
        )
    (point,) = found.values()
    try:
        return point.load()
    except Exception as error:
        # A plug-in may raise anything while it is imported; the cause stays attached.
        raise ConfigError(
            f"{name!r} in {group} can't be imported from {point.value} of {_origin(point)} "
            f"({type(error).__name__}: {error}): mend or uninstall that distribution"
        ) from error


def hint(name: str, known: Iterable[str]) -> str:
    """Return ``": did you mean …?"`` where a known name comes near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]!r}?" if near else ""


def build_settings(settings_type: type[Any], values: Mapping[str, Any], where: str) -> Any:
    """Return a settings dataclass made of JSON- or TOML-ready values.

    Parameters
    ----------
    settings_type : type
        A dataclass whose fields are float, int, str, bool, Literal, tuples or mappings of these,
        such a dataclass again, any of these or None, or Any.
    values : mapping
        Field name to value; a list stands for a tuple. A field left out takes its default.
    where : str
        What is being read, for the messages ("block 2 (bandpass)").

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or a value is of the wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(settings_type)}
    for key in values:
        if key not in fields:
            raise ConfigError(
                f"{where} has no setting {key!r}{hint(key, fields)} "
                f"(it has {', '.join(fields) or 'none'})"
            )
    for name, field in fields.items():
        if field.default is field.default_factory is dataclasses.MISSING and name not in values:
            raise ConfigError(f"{where} needs {name}, which is not given: add it")
    kinds = _kinds(settings_type)
    return settings_type(
        **{key: _fit(value, kinds[key], f"{key} of {where}") for key, value in values.items()}
    )


def _kinds(settings_type: type[Any]) -> dict[str, Any]:
    """Return the type of each field, worked out once: a journal has thousands of a kind."""
    if settings_type not in _KINDS:
        _KINDS[settings_type] = typing.get_type_hints(settings_type)
    return _KINDS[settings_type]


_KINDS: dict[Any, dict[str, Any]] = {}


def _fit(value: Any, kind: Any, what: str) -> Any:
    """Return a value as the type wants it: lists as tuples, whole numbers as floats."""
    if kind is Any:
        return value
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        others = [arg for arg in args if arg is not type(None)]
        if len(others) == 1:
            return _fit(value, others[0], what)
    elif origin is typing.Literal:
        if value in args:
            return value
    elif origin is tuple:
        if isinstance(value, list | tuple) and (args[-1] is ... or len(args) == len(value)):
            inner = args[:1] * len(value) if args[-1] is ... else args
            return tuple(_fit(v, k, what) for v, k in zip(value, inner, strict=True))
    elif origin is Mapping:
        if isinstance(value, Mapping):
            return {_fit(k, args[0], what): _fit(v, args[1], what) for k, v in value.items()}
    elif dataclasses.is_dataclass(kind):
        if isinstance(value, Mapping):
            return build_settings(typing.cast("type[Any]", kind), value, what)
    elif kind is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif type(value) is kind:
        return value
    raise ConfigError(f"{what} must be {_words(kind)}, not {value!r}: correct it")


def _words(kind: Any) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return " or ".join(map(repr, args))
    if dataclasses.is_dataclass(kind):
        return "a table of settings"
    if origin is Mapping:
        return "a table of " + " to ".join(_words(arg) for arg in args)
    if origin is tuple:
        return "a list of " + ", ".join(_words(arg) for arg in args if arg is not ...)
    plain = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
    return plain.get(kind, str(kind))


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed distribution"
