"""Options of a loader or a protocol, held against its signature before it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mien.core.errors import OptionError, UnknownNameError


def check_options(owner: str, function: Callable[..., Any], options: Mapping[str, Any], *, also: Sequence[str] = ()) -> None:
    """Hold `options` against the keyword-only parameters of `function`, which belongs to `owner`; `also` are names that it takes besides.

    Raises
    ------
    UnknownNameError
        An option that is no such parameter.
    OptionError
        A value of another type than the parameter's.
    """
    known = [key for key, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of {owner}", option, [*known, *also])
    check_values(owner, function, options)


def check_values(owner: str, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Hold `options`, whose names are parameters of `function`, against their types. Raises OptionError for a value of another one."""
    hints = get_type_hints(function)
    for option, value in options.items():
        if not _fits(value, hints[option]):
            raise OptionError(f"The option {option} of {owner} takes {_words(hints[option])}; received {value!r}.")


def _fits(value: object, hint: Any) -> bool:
    """Whether `value` is of the type that `hint` spells: plain types, unions, tuples of known length, sequences, tables."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is AnySequence:
        return isinstance(value, AnySequence) and not isinstance(value, str) and all(_fits(one, parts[0]) for one in value)
    if origin is AnyMapping:
        return isinstance(value, AnyMapping) and all(_fits(one, parts[1]) for one in value.values())
    if origin is tuple:
        return isinstance(value, (tuple, list)) and len(value) == len(parts) and all(map(_fits, value, parts))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return hint is Any or not isinstance(hint, type) or isinstance(value, hint)


def _words(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(_words, parts))
    if origin is AnySequence:
        return f"a list of {_words(parts[0])}"
    if origin is AnyMapping:
        return "a table" if parts[1] is Any else f"a table, each entry {_words(parts[1])}"
    if origin is tuple:
        return f"{len(parts)} values, each {_words(parts[0])}"
    return _NAMES.get(hint, getattr(hint, "__name__", str(hint)))


_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}
