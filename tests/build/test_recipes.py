"""The recipes that come with the project are valid, and wait for what only the user knows."""

from __future__ import annotations

import pytest

from pipeline.build.recipe import RECIPES, read_recipe
from pipeline.store.errors import SettingError

NAMES = sorted(path.stem for path in RECIPES.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_bundled_recipes_are_valid(name: str) -> None:
    recipe = read_recipe(name, ["pages.contact=mailto:you@example.org"])
    assert recipe.corpus.root == f"data/{name}"
    assert recipe.links.min_karma == 3


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"quickstart"}))
def test_the_open_web_is_not_crawled_without_a_contact(name: str) -> None:
    with pytest.raises(SettingError, match=r"pages.*contact"):
        read_recipe(name)


def test_the_three_corpora_differ_in_their_rules() -> None:
    contact = ["pages.contact=mailto:you@example.org"]
    rules = [read_recipe(n, contact).links for n in sorted(set(NAMES) - {"quickstart"})]
    assert len({rule.digest() for rule in rules}) == len(rules) == 3
