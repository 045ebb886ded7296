"""Recipes: unknown keys, overrides, digests."""

from pathlib import Path
from typing import ClassVar

import pytest

from pipeline.store.errors import SettingError
from pipeline.store.settings import Settings, load_recipe


class Inner(Settings):
    threshold: float = 0.8
    workers: int = 1

    volatile: ClassVar[frozenset[str]] = frozenset({"workers"})


class Outer(Settings):
    name: str
    inner: Inner = Inner()
    many: list[Inner] = []


def load(tmp_path: Path, text: str, *overrides: str) -> Outer:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return load_recipe(Outer, str(path), overrides, tmp_path)


def test_reads_values_and_overrides(tmp_path: Path) -> None:
    text = 'name = "a"\n[inner]\nthreshold = 0.7'
    read = load(tmp_path, text, "inner.threshold=0.9", "name=plain words", "inner.workers=4")
    assert (read.name, read.inner.threshold, read.inner.workers) == ("plain words", 0.9, 4)


@pytest.mark.parametrize(
    ("text", "overrides", "said"),
    [
        (
            'name = "a"\n[inner]\ntreshold = 1',
            (),
            "unknown key inner.treshold.*Did you mean threshold",
        ),
        ('name = "a"', ("inner.workrs=2",), "unknown key inner.workrs.*Did you mean workers"),
        ('nme = "a"', (), "name"),
        ('name = "a"\n[inner]\nthreshold = "high"', (), "inner.threshold = 'high'"),
        ('name = "a"\n[inner]\nthreshold = nan', (), "inner.threshold = nan: must be a finite"),
        ("name = ", (), "not valid TOML"),
        ('name = "a"', ("inner",), "not of the form"),
        ('name = "a"', ("name.x=1",), "is a value, not a section"),
    ],
)
def test_wrong_recipe_names_key_and_remedy(
    tmp_path: Path, text: str, overrides: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        load(tmp_path, text, *overrides)


def test_missing_recipe_offers_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "quickstart.toml").write_text("")
    with pytest.raises(SettingError, match="Did you mean quickstart"):
        load_recipe(Outer, "quikstart", (), tmp_path)
    with pytest.raises(SettingError, match="does not exist"):
        load_recipe(Outer, "gone.toml", (), tmp_path)


def test_digest_ignores_volatile_fields_at_any_depth() -> None:
    base = Outer(name="a", many=[Inner()])
    same = Outer(name="a", inner=Inner(workers=9), many=[Inner(workers=3)])
    other = Outer(name="a", inner=Inner(threshold=0.5))
    assert base.digest() == same.digest()
    assert base.digest() != other.digest()
