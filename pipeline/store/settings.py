"""Typed settings: what every step's settings class derives from, and how a recipe is read.

A recipe is a TOML file (or the name of one that comes with the project) plus
`--set section.key=value` overrides.  An unknown key is an error that names the
nearest valid one, so a typo never becomes a default.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.store.errors import SettingError


class Settings(BaseModel):
    """Base of every settings class: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Fields that change how the work is done but never what comes out (time-outs,
    #: paths, concurrency).  They stay out of `digest`, so changing one makes nothing stale.
    volatile: ClassVar[frozenset[str]] = frozenset()

    def identity(self) -> dict[str, Any]:
        """The settings that decide the result, as plain JSON values."""
        said: dict[str, Any] = {}
        for name in type(self).model_fields:
            if name in self.volatile:
                continue
            value = getattr(self, name)
            said[name] = value.identity() if isinstance(value, Settings) else _plain(value)
        return said

    def digest(self) -> str:
        """A short hash of `identity`: equal settings, equal digest."""
        text = json.dumps(self.identity(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @classmethod
    def checked(cls, values: Mapping[str, Any], where: str) -> Self:
        """Builds the settings from plain values; `where` names their origin in errors."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _explain(cls, error, where) from None


S = TypeVar("S", bound=Settings)


def load_recipe(model: type[S], recipe: str, overrides: Iterable[str], bundled: Path) -> S:
    """Reads recipe `recipe`, a path or the name of a file in `bundled`, with `--set` overrides.

    Raises SettingError for a missing recipe, bad TOML, an unknown key or a wrong value.
    """
    path = find_recipe(recipe, bundled)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not valid TOML: {error}", "Mend the file") from None
    override(values, overrides)
    return model.checked(values, str(path))


def find_recipe(recipe: str, bundled: Path) -> Path:
    """The file of a recipe given by path or by the name of a bundled one."""
    path = Path(recipe)
    if path.suffix == ".toml" or path.exists():
        if path.is_file():
            return path
        raise SettingError(f"Recipe {recipe} does not exist", "Give the path of a TOML file")
    found = bundled / f"{recipe}.toml"
    if found.is_file():
        return found
    names = sorted(p.stem for p in bundled.glob("*.toml"))
    raise SettingError(
        f"No recipe named {recipe!r}",
        f"Give the path of a TOML file, or one of: {', '.join(names)}{_nearest(recipe, names)}",
    )


def override(values: dict[str, Any], overrides: Iterable[str]) -> None:
    """Puts each `section.key=value` into `values`; the value is TOML, or else a plain string."""
    for one in overrides:
        _override(values, one)


def _override(values: dict[str, Any], one: str) -> None:
    name, equals, text = one.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise SettingError(f"--set {one!r} is not of the form section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    section = values
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise SettingError(f"--set {name}: {key} is a value, not a section")
    section[keys[-1]] = value


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [v.identity() if isinstance(v, Settings) else _plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return {k: v.identity() if isinstance(v, Settings) else _plain(v) for k, v in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _explain(model: type[BaseModel], error: ValidationError, where: str) -> SettingError:
    """The first problem of a pydantic error as one sentence that names key and remedy."""
    first = error.errors(include_url=False)[0]
    keys = [str(k) for k in first["loc"]]
    name = ".".join(keys)
    if first["type"] == "extra_forbidden":
        valid = _fields_at(model, keys[:-1])
        remedy = f"Known here: {', '.join(valid)}{_nearest(keys[-1], valid)}"
        return SettingError(f"{where}: unknown key {name}", remedy)
    if first["type"] == "missing":
        return SettingError(f"{where}: {name} is missing", f"Add {name}")
    message = first["msg"].removeprefix("Value error, ")
    return SettingError(f"{where}: {name} = {first['input']!r}: {message}", "Change this setting")


def _fields_at(model: type[BaseModel], keys: list[str]) -> list[str]:
    for key in keys:
        field = model.model_fields.get(key)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return sorted(model.model_fields)


def _nearest(name: str, valid: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(valid), n=1)
    return f". Did you mean {close[0]}?" if close else ""
