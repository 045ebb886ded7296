"""What is wrong with a recipe, in one sentence that names key and remedy."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import ValidationError

from pipeline.store.errors import SettingError
from pipeline.store.registry import nearest


class SettingsClass(Protocol):
    """A settings class, as far as it matters here."""

    @classmethod
    def key_types(cls) -> dict[str, Any]:
        """The keys, each with the type of its value."""


def explain(model: type[SettingsClass], error: ValidationError, where: str) -> SettingError:
    """The first problem of a pydantic error as one sentence that names key and remedy.

    A key that is not known goes first: a typo also leaves out the right one.
    """
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    keys = [str(k) for k in first["loc"]]
    name = ".".join(keys)
    if first["type"] == "extra_forbidden":
        valid = _keys_at(model, keys[:-1])
        remedy = f"Known here: {', '.join(valid)}{nearest(keys[-1], valid)}"
        return SettingError(f"{where}: unknown key {name}", remedy)
    if first["type"] == "missing":
        return SettingError(f"{where}: {name} is missing", f"Add {name}")
    message = first["msg"].removeprefix("Value error, ")
    return SettingError(f"{where}: {name} = {first['input']!r}: {message}", "Change this setting")


def _keys_at(model: type[SettingsClass], location: list[str]) -> list[str]:
    """The keys of the section at a place of a recipe."""
    for key in location:
        inner: Any = model.key_types().get(key)
        if not hasattr(inner, "key_types"):
            break
        model = inner
    return sorted(model.key_types())
