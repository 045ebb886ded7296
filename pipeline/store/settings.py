"""Typed settings: what every step's settings class derives from, and how a recipe is read.

A recipe is a TOML file (or the name of one that comes with the project) plus
`--set section.key=value` overrides.  An unknown key is an error that names the
nearest valid one, so a typo never becomes a default.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.registry import Registry, nearest
from pipeline.store.setting_errors import explain


class Settings(BaseModel):
    """Base of every settings class: frozen, and closed to keys it does not know.

    The text below a field documents it: `webtext settings` shows it, and editors do.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,  # no limit is compared with them, and JSON has neither
    )

    #: Fields that change how the work is done but never what comes out (time-outs,
    #: paths, concurrency).  They stay out of `digest`, so changing one makes nothing stale.
    volatile: ClassVar[frozenset[str]] = frozenset()
    #: Whether anything of the section changes what comes out.
    decides: ClassVar[bool] = True

    def identity(self) -> dict[str, Any]:
        """The settings that decide the result, as plain JSON values."""
        if not self.decides:
            return {}
        left_out = self.volatile | self.unused()
        keys = type(self).key_types()
        return {name: _plain(getattr(self, name)) for name in keys if name not in left_out}

    def unused(self) -> frozenset[str]:
        """Keys that decide nothing beside the values that others have."""
        return frozenset()

    def digest(self) -> str:
        """A short hash of `identity`: equal settings, equal digest."""
        text = json.dumps(self.identity(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @classmethod
    def key_types(cls) -> dict[str, Any]:
        """The keys of the section, each with the type of its value."""
        return {name: field.annotation for name, field in cls.model_fields.items()}

    @classmethod
    def checked(cls, values: Mapping[str, Any], where: str) -> Self:
        """Builds the settings from plain values; `where` names their origin in errors."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise explain(cls, error, where) from None


S = TypeVar("S", bound=Settings)


class OpenSettings(Settings):
    """Settings with a section of its own for each class of a registry: `[quality.emoji]`.

    The sections stand beside the fields: `settings.emoji` is an object of the settings class
    that the registry's class `emoji` carries, with its defaults where a recipe does not name it.
    """

    model_config = ConfigDict(extra="allow")

    @classmethod
    @abstractmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """The settings class of each section, by name."""

    @classmethod
    def key_types(cls) -> dict[str, Any]:
        """The fields, then the sections."""
        return super().key_types() | dict(cls.sections())

    def of(self, kind: type[S]) -> S:
        """The section of settings class `kind`."""
        return next(value for name in self.sections() if type(value := getattr(self, name)) is kind)

    @model_validator(mode="before")
    @classmethod
    def _read_sections(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        own = {name: value for name, value in values.items() if name in cls.model_fields}
        others = {name: value for name, value in values.items() if name not in own}
        read = _sections_of(cls).model_validate(others)
        return own | {name: getattr(read, name) for name in type(read).model_fields}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """With the sections among the properties, and nothing else allowed."""
        resolved = handler.resolve_ref_schema(handler(schema))
        for name, section in cls.sections().items():
            resolved["properties"][name] = handler(section.__pydantic_core_schema__)
        resolved["additionalProperties"] = False
        return resolved


def own_sections(registry: Registry[Any]) -> dict[str, type[Settings]]:
    """The settings classes of a registry's classes, of those that have any settings.

    A class of such a registry carries its settings class as `settings`.
    """
    sections = {name: kind.settings for name, kind in registry.classes().items()}
    return {name: settings for name, settings in sections.items() if settings.key_types()}


@cache
def _sections_of(cls: type[OpenSettings]) -> type[BaseModel]:
    """A model whose fields are the sections of a class."""
    sections = cls.sections()
    if taken := sorted(sections.keys() & cls.model_fields.keys()):
        raise WebtextError(
            f"{cls.__name__} has a setting {taken[0]}, so nothing with settings can be called so",
            "Name the entry point otherwise",
        )
    fields: dict[str, Any] = {
        name: (section, Field(default_factory=section)) for name, section in sections.items()
    }
    return create_model(f"Sections of {cls.__name__}", __config__=Settings.model_config, **fields)


@dataclass(frozen=True)
class NameIn:
    """Of a setting that names a class of a registry: `kind: Annotated[str, NameIn(TOKENIZERS)]`.

    `others` are names that are right as well, such as `auto`.
    """

    registry: Registry[Any]
    others: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """All names that are right."""
        return sorted({*self.registry.names(), *self.others})

    def _check(self, name: str) -> str:
        if name not in self.names():
            names = self.registry.names_known(name)
            raise ValueError(f"no {self.registry.noun} has this name. {names}")
        return name

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"enum": self.names()}


@dataclass(frozen=True)
class KindIn:
    """Of a table whose `kind` names its settings class in a registry.

    `Annotated[SerializeAsAny[LinkSource], KindIn(SOURCES)]`.
    """

    registry: Registry[Any]

    def classes(self) -> Mapping[str, type[Settings]]:
        """The settings class of each kind."""
        return self.registry.classes()

    def _read(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        kind = value.get("kind")
        if kind is None:
            raise ValueError(f"kind is missing. {self.registry.names_known()}")
        if kind not in self.registry.names():
            names = self.registry.names_known(str(kind))
            raise ValueError(f"no {self.registry.noun} is of kind {kind!r}. {names}")
        section = self.registry.get(str(kind))
        return section.checked(value, f"{self.registry.noun} of kind {kind}")

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return _one_of(self.classes(), handler)


@dataclass(frozen=True)
class Variants:
    """Of a table that is of one of several settings classes, by its `kind`."""

    kinds: Mapping[str, type[Settings]]

    def classes(self) -> Mapping[str, type[Settings]]:
        """The settings class of each kind."""
        return self.kinds

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return _one_of(self.kinds, handler)


def _one_of(classes: Mapping[str, type[Settings]], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """The JSON schema of a table of one of these classes."""
    return {"anyOf": [handler(one.__pydantic_core_schema__) for one in classes.values()]}


def load_recipe(model: type[S], recipe: str, overrides: Iterable[str], bundled: Path) -> S:
    """Reads recipe `recipe`, a path or the name of a file in `bundled`, with `--set` overrides.

    Raises SettingError for a missing recipe, bad TOML, an unknown key or a wrong value.
    """
    path = find_recipe(recipe, bundled)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not valid TOML: {error}", "Correct the file") from None
    except UnicodeDecodeError:
        raise SettingError(f"{path} is no text in UTF-8", "Save it as UTF-8") from None
    given = list(overrides)
    override(values, given)
    where = f"recipe {recipe}" if path.parent == bundled else str(path)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        names = [one.partition("=")[0].strip() for one in given]
        raise explain(model, error, where, names) from None


def find_recipe(recipe: str, bundled: Path) -> Path:
    """The file of a recipe given by path or by the name of a bundled one."""
    path = Path(recipe)
    if path.suffix == ".toml" or path.exists():
        if path.is_file():
            return path
        what = "is a folder" if path.is_dir() else "does not exist"
        raise SettingError(f"Recipe {recipe} {what}", "Give the path of a TOML file")
    path = bundled / f"{recipe}.toml"
    if path.is_file():
        return path
    names = sorted(p.stem for p in bundled.glob("*.toml"))
    raise SettingError(
        f"No recipe named {recipe!r}",
        f"Give the path of a TOML file, or one of: {', '.join(names)}{nearest(recipe, names)}",
    )


def override(values: dict[str, Any], overrides: Iterable[str]) -> None:
    """Puts each `section.key=value` into `values`; the value is TOML, or else a plain string."""
    for one in overrides:
        _override(values, one)


def _override(values: dict[str, Any], one: str) -> None:
    name, equals, text = one.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise SettingError(
            f"--set {one!r} is not of the form section.key=value",
            "For example --set links.min_karma=5",
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    section = values
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise SettingError(
                f"--set {name}: {key} is a value, not a section", "Name the key of a value"
            )
    section[keys[-1]] = value


def _plain(value: Any) -> Any:
    """A value of a field as plain JSON."""
    if isinstance(value, Settings):
        return value.identity()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
