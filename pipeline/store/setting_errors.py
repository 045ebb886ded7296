"""What is wrong with a recipe, in one sentence that names key and remedy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol, get_args, get_origin

from pydantic import ValidationError

from pipeline.store.errors import SettingError
from pipeline.store.registry import nearest


class SettingsClass(Protocol):
    """A settings class, as far as it matters here."""

    @classmethod
    def key_types(cls) -> dict[str, Any]:
        """The keys, each with the type of its value."""


#: What a value must be, by pydantic's name of the problem; braces are filled from its context.
_WANTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text in quotes",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a section",
    "model_type": "a section",
    "model_attributes_type": "a section",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} or less",
    "string_too_short": "a text of {min_length} characters or more",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
}


def explain(
    model: type[SettingsClass], error: ValidationError, where: str, overridden: Collection[str] = ()
) -> SettingError:
    """The first problem of a pydantic error as one sentence that names key and remedy.

    A key that is not known goes first: a typo also leaves out the right one.  `where` is the
    file; it is not named for keys in `overridden`, whose values came with the command.
    """
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    keys = _keys_of(model, first["loc"])
    name, value = ".".join(keys), first["input"]
    given = any(name == one or name.startswith(f"{one}.") for one in overridden)
    setting = name if given else f"{where}: {name}"
    if first["type"] == "extra_forbidden":
        valid = _keys_at(model, keys[:-1])
        remedy = f"Known here: {', '.join(valid)}{nearest(keys[-1], valid)}"
        return SettingError(f"{'' if given else f'{where}: '}unknown key {name}", remedy)
    if first["type"] == "missing":
        is_section = hasattr(_type_at(model, keys), "key_types")
        what = f"section [{name}]" if is_section else name
        return SettingError(f"{where}: {what} is missing", "Add it")
    wanted = _WANTED.get(first["type"])
    if wanted is None:
        message = first["msg"].removeprefix("Value error, ")
        if hasattr(_type_at(model, keys), "key_types"):
            setting = where  # a check of a whole section names its keys itself
        elif not isinstance(value, Mapping):
            setting = f"{setting} = {value!r}"
        return SettingError(f"{setting}: {message}", "Change this setting")
    bounds = {key: _number(bound) for key, bound in first.get("ctx", {}).items()}
    must = f"must be {wanted.format(**bounds)}"
    return SettingError(f"{setting} = {value!r}: {must}", _example(name, value, wanted, given))


def _number(bound: Any) -> str:
    """A bound as people write it: 0, not 0.0."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _example(name: str, value: Any, wanted: str, given: bool) -> str:
    """How the value is written, where its form is wrong."""
    if wanted == "a list" and isinstance(value, str):
        inner = value.strip("[]") or "a"
        written = f'{name} = ["{inner}"]'
    elif wanted == "a text in quotes" and not isinstance(value, (Mapping, list)):
        written = f'{name} = "{value}"'
    else:
        return "Change this setting"
    return f"Write --set '{written}', quotes and all" if given else f"Write {written}"


def _keys_of(model: type[SettingsClass], location: tuple[int | str, ...]) -> list[str]:
    """A place as keys, without the names of types that pydantic tried for a value."""
    keys: list[str] = []
    for part in location:
        above = _type_at(model, keys)
        is_section = hasattr(above, "key_types") or section_by_name(above) is not None
        if isinstance(part, str) and above is not None and not is_section:
            break
        keys.append(str(part))
    return keys


def _type_at(model: type[SettingsClass], location: list[str]) -> Any:
    """The type of a key at a place of a recipe; None where it is not known."""
    inner: Any = model
    for key in location:
        named = section_by_name(inner)
        known = inner.key_types() if hasattr(inner, "key_types") else {}
        inner = known.get(key) if named is None else named
    return inner


def section_by_name(annotation: Any) -> Any:
    """The settings class of sections that a recipe names itself, `dict[str, …]`; else None."""
    arguments = get_args(annotation)
    is_dict = get_origin(annotation) is dict and hasattr(arguments[1], "key_types")
    return arguments[1] if is_dict else None


def _keys_at(model: type[SettingsClass], location: list[str]) -> list[str]:
    """The keys of the section at a place of a recipe."""
    for end in range(len(location), 0, -1):
        inner = _type_at(model, location[:end])
        if hasattr(inner, "key_types"):
            return sorted(inner.key_types())
    return sorted(model.key_types())
