"""Every setting of a recipe, with what is known of it: `webtext settings`.

A setting is documented by the text below its field.  Where its number is from is said by a
sentence `Source: …` in that text, or in the docstring of its section; without one it was chosen
for this project, or by the distribution that the section comes from.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import packages_distributions
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import orjson
from pydantic.fields import FieldInfo

from pipeline.store.setting_errors import section_by_name
from pipeline.store.settings import KindIn, NameIn, OpenSettings, Settings, Variants

OWN_CHOICE = "this project"
_OURS = ("pipeline", "trainer")
#: The sentence of a docstring that says where a number is from: to the end of the text, since
#: what is cited has full stops of its own.
_SOURCE = re.compile(r"\s*\bSource: (.+?)\.?\s*$", re.DOTALL)
_NAMES: dict[Any, str] = {
    date: "day, such as 2024-01-31",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}
#: The dialect that pydantic writes, and what every editor reads.
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclass(frozen=True)
class SettingDoc:
    """One setting: its key in a recipe, and what is known of it."""

    key: str
    type: str
    #: As TOML would have it; empty for a setting that must be given.
    default: str
    source: str
    #: Whether another value gives another result; else it changes how the work is done.
    decides: bool
    text: str


def setting_docs(model: type[Settings], prefix: str = "") -> Iterator[SettingDoc]:
    """All settings of a recipe in its order, sections within sections."""
    yield from _of_section(model, prefix, decides=True)


def _of_section(model: type[Settings], prefix: str, *, decides: bool) -> Iterator[SettingDoc]:
    _, own = split_source(inspect.getdoc(model) or "")
    source, decides = own or _chosen_by(model), decides and model.decides
    for name, field in model.model_fields.items():
        counts = decides and name not in model.volatile
        yield from _of_field(f"{prefix}{name}", field, counts, source)
    if issubclass(model, OpenSettings):
        for name, section in model.sections().items():
            counts = decides and name not in model.volatile
            yield from _of_section(section, f"{prefix}{name}.", decides=counts)


def _of_field(key: str, field: FieldInfo, decides: bool, source: str) -> Iterator[SettingDoc]:
    annotation = field.annotation
    variants = _variants(annotation, field.metadata)
    if variants is None and isinstance(annotation, type) and issubclass(annotation, Settings):
        yield from _of_section(annotation, f"{key}.", decides=decides)
        return
    named = section_by_name(annotation)
    if named is not None:
        yield from _of_section(named, f"{key}.NAME.", decides=decides)
        return
    text, own = split_source(field.description or "")
    kind = type_text(annotation, field.metadata)
    yield SettingDoc(key, kind, _default(field), own or source, decides, text)
    for name, section in (variants or {}).items():
        yield from _of_section(section, f"{key}[{name}].", decides=decides)


def _chosen_by(model: type[Settings]) -> str:
    """Who chose the numbers of a section that names no source."""
    package = model.__module__.split(".")[0]
    return OWN_CHOICE if package in _OURS else ", ".join(_distributions().get(package, [package]))


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def recipe_schema(model: type[Settings]) -> str:
    """The JSON schema of a recipe, as a file; equal settings give equal bytes."""
    schema = {"$schema": _DIALECT, **model.model_json_schema()}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def split_source(text: str) -> tuple[str, str]:
    """A docstring on one line without its `Source: …`, and what stands there."""
    line = " ".join(text.split())
    match = _SOURCE.search(line)
    if match is None:
        return line, ""
    return line[: match.start()].rstrip(), match[1]


def _variants(annotation: Any, metadata: list[Any]) -> Mapping[str, type[Settings]] | None:
    """The settings classes of tables that a field takes, by their kind; "" where there is one."""
    for mark in metadata:
        if isinstance(mark, (KindIn, Variants)):
            return mark.classes()
    if get_origin(annotation) in (tuple, list):
        return _inner_variants(get_args(annotation))
    return None


def _inner_variants(arguments: tuple[Any, ...]) -> Mapping[str, type[Settings]] | None:
    for inner in arguments:
        if get_origin(inner) is Annotated:
            kind, *marks = get_args(inner)
            return _variants(kind, marks)
        if isinstance(inner, type) and issubclass(inner, Settings):
            return {"": inner}
    return None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Settings):
        return "{}"
    if value is None:
        return "none"
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def type_text(annotation: Any, metadata: list[Any]) -> str:
    """What a value may be, in words."""
    for mark in metadata:
        if isinstance(mark, NameIn):
            return _either(mark.names())
    return " ".join([_kind(annotation), *_bounds(metadata)])


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0], list(arguments[1:]))
    if origin is Literal:
        return _either(arguments)
    if origin in (Union, types.UnionType):
        if {float, bool} <= set(arguments):  # a threshold
            words = [word for one in arguments for word in get_args(one)]
            return ", ".join(["number", *(f'"{word}"' for word in words), "or false"])
        return " or ".join(_kind(one) for one in arguments if one is not type(None))
    if origin in (tuple, list):
        of = _kind(arguments[0])
        any_length = origin is list or Ellipsis in arguments
        return f"list of {of}" if any_length else f"list of {len(arguments)}: {of}"
    is_section = isinstance(annotation, type) and issubclass(annotation, Settings)
    return "table" if is_section else _NAMES.get(annotation, str(annotation))


def _either(values: Any) -> str:
    return " | ".join(map(str, values))


def _bounds(metadata: list[Any]) -> list[str]:
    words = []
    for mark in metadata:
        for name, word in _BOUNDS.items():
            if (bound := getattr(mark, name, None)) is not None:
                words.append(f"{word} {bound:,}")
    return [", ".join(words)] if words else []
