"""README and docs: links lead somewhere, commands and settings are ones that exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import check_webtext, leaf_commands
from support import PROJECT

from pipeline.build.recipe import Recipe
from pipeline.store.errors import SettingError
from pipeline.store.settings import override

PAGES = sorted([PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *PROJECT.glob("docs/*.md")])
#: It names what a distribution of others adds; test_plugin.py builds by it.
EXTENDED = PROJECT / "tests" / "plugin" / "recipe.toml"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


def blocks(*kinds: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for kind, text in BLOCK.findall(page.read_text()):
            if kind in kinds:
                yield page, text


def commands() -> list[tuple[str, str]]:
    """(page, command) of every command line in the docs, comments and prompts taken off."""
    found = []
    for page, text in blocks("sh", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ").split("  #")[0].strip()
            shown = line.startswith("$ ") or "```console" not in page.read_text()
            if command and not command.startswith("#") and (shown or not line.startswith(" ")):
                found.append((page.name, command))
    return sorted(set(found))


@pytest.mark.parametrize(("page", "command"), commands())
def test_commands_exist(page: str, command: str) -> None:
    """Every `webtext` command has these options; make targets, scripts and modules are there."""
    words = shlex.split(command)
    while words and "=" in words[0] and not words[0].startswith("-"):
        words.pop(0)  # environment of the command
    program, arguments = words[0].rsplit("/", 1)[-1], words[1:]
    if program == "make":
        makefile = (PROJECT / "Makefile").read_text()
        assert all(re.search(rf"^{word}:", makefile, re.M) for word in arguments if "=" not in word)
    elif program == "webtext":
        check_webtext(arguments)
    elif program.startswith("python") and "-m" in arguments[:2]:
        arguments = arguments[arguments.index("-m") :]
        assert (PROJECT / (arguments[1].replace(".", "/") + ".py")).exists() or arguments[1] in {
            "venv",
            "pip",
            "pytest",
        }
    elif program.startswith("python"):
        assert (PROJECT / arguments[0]).exists(), f"{page}: {arguments[0]} does not exist"


def test_every_subcommand_has_its_row_of_results() -> None:
    rows = re.findall(r"^\| `([\w -]+)` \|", (PROJECT / "docs/results.md").read_text(), re.M)
    assert sorted(rows) == sorted(leaf_commands())


def test_recipes_in_the_docs_are_valid() -> None:
    checked = 0
    for page, text in blocks("toml"):
        values = tomllib.loads(text)
        if text != EXTENDED.read_text() and set(values) <= set(Recipe.model_fields):
            values.setdefault("corpus", {"root": "x"})
            values.setdefault("links", {"sources": [{"kind": "urls", "path": "x"}]})
            values.setdefault("pages", {"source": "warc", "warc": ["x"]})
            Recipe.checked(values, page.name)
            checked += 1
    assert checked


def test_set_overrides_in_the_docs_parse() -> None:
    for _, command in commands():
        for word in re.findall(r"--set[ =](\S+)", command):
            try:
                override({}, [word])
            except SettingError as error:
                raise AssertionError(f"{command}: {error}") from None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{page.name}: {missing}"
