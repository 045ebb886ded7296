"""`webtext settings`: every setting has words, and the schema is what recipes are read by."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from support import PROJECT, Run

from pipeline.cli.settings import RECIPES, settings
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.setting_docs import OWN_CHOICE, SettingDoc, recipe_schema, setting_docs
from pipeline.store.settings import Settings

SCHEMAS = {
    "build": PROJECT / "pipeline" / "recipes" / "recipe.schema.json",
    "train": PROJECT / "trainer" / "recipes" / "run.schema.json",
}
BUNDLED = [
    (kind, path)
    for kind, schema in SCHEMAS.items()
    for path in sorted(schema.parent.glob("*.toml"))
]


@pytest.fixture(scope="module")
def docs() -> dict[str, SettingDoc]:
    return {doc.key: doc for name in RECIPES.names() for doc in setting_docs(RECIPES.get(name))}


def test_no_setting_is_without_a_word_and_a_type(docs: dict[str, SettingDoc]) -> None:
    assert len(docs) > 270
    assert [key for key, doc in docs.items() if len(doc.text) < 10 or not doc.type] == []


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("links.min_karma", ("whole number", "3", "Radford et al. 2019, section 2.1", True)),
        ("links.since", ("day, such as 2024-01-31", "none", OWN_CHOICE, True)),
        ("pages.delay", ("number at least 0, at most 3,600", "1.0", OWN_CHOICE, False)),
        ("corpus.root", ("text", "", OWN_CHOICE, False)),
        ("runner.dask.memory_limit_mb", ("whole number at least 300", "2000", OWN_CHOICE, False)),
        ("links.sources[reddit-dump].scores", ("text", '""', OWN_CHOICE, False)),
        ("quality.contamination.sets[].name", ("text", "", OWN_CHOICE, True)),
        (
            "quality.gopher.min_words",
            (
                'number, "published", or false', "50",
                "Rae et al. 2021, arXiv 2112.11446, section A.1.1", True,
            ),
        ),
        ("tokens.kind", ("bpe | file | unigram | wordpiece", '"bpe"', OWN_CHOICE, True)),
        ("optim.betas", ("list of 2: number", "[0.9,0.95]", OWN_CHOICE, True)),
        ("checkpoint.every", ("whole number at least 1", "1000", OWN_CHOICE, False)),
    ],
)  # fmt: skip
def test_what_is_said_of_a_setting(
    docs: dict[str, SettingDoc], key: str, wanted: tuple[str, str, str, bool]
) -> None:
    doc = docs[key]
    assert (doc.type, doc.default, doc.source, doc.decides) == wanted


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schema_in_the_package_is_that_of_the_settings(kind: str) -> None:
    assert SCHEMAS[kind].read_text(encoding="utf-8") == recipe_schema(RECIPES.get(kind)), (
        "run `make schemas`"
    )


@pytest.mark.parametrize(
    ("kind", "recipe"), BUNDLED, ids=lambda value: getattr(value, "stem", value)
)
def test_a_bundled_recipe_names_its_schema_and_fits_it(kind: str, recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    assert (recipe.parent / first.removeprefix("#:schema ")).resolve() == SCHEMAS[kind]
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMAS[kind].read_text()))
    values = json.loads(json.dumps(tomllib.loads(text)))
    assert list(validator.iter_errors(values)) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("build", {"quality": {"gofer": {}}}),
        ("build", {"quality": {"gopher": {"min_wrods": 3}}}),
        ("build", {"runner": {"name": "dusk"}}),
        ("build", {"links": {"sources": [{"kind": "urls", "pth": "x"}]}}),
        ("build", {"tokens": {"vocab_size": "many"}}),
        ("train", {"optim": {"lr": -1}}),
    ],
)
def test_the_schema_refuses_what_the_command_refuses(kind: str, values: dict[str, object]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMAS[kind].read_text()))
    good = {"corpus": {"root": "x"}, "links": {"sources": [{"kind": "urls", "path": "x"}]}}
    base: dict[str, object] = good | {"pages": {}} if kind == "build" else {}
    assert list(validator.iter_errors(base)) == []
    assert list(validator.iter_errors(base | values))


def test_the_command_lists_a_section_and_knows_the_nearest(webtext: Run, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    done = webtext("--result", str(answer), "settings", "quality.gopher")
    assert done.returncode == 0
    head = 'quality.gopher.min_words = 50\n  number, "published", or false; changes the result'
    assert head in done.stdout
    listed = json.loads(answer.read_text())["build"]
    assert len(listed) == 10
    assert listed[0]["key"] == "quality.gopher.min_words"
    wrong = webtext("settings", "quality.gofer")
    assert wrong.returncode == 2
    assert "Did you mean quality.gopher?" in wrong.stdout


def test_settings_of_what_is_not_installed_are_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where torch is missing: those of a corpus are there, those of training are not."""

    def without_torch(recipe: type[Settings]) -> Iterator[SettingDoc]:
        if recipe is RECIPES.get("train"):
            raise WebtextError("The optimizer adamw cannot be loaded", "Install what it needs")
        return setting_docs(recipe)

    monkeypatch.setattr("pipeline.cli.settings.setting_docs", without_torch)
    listed = settings("dedup").value
    assert [key for key, docs in listed.items() if docs] == ["build"]
    assert "`webtext train` are left out: The optimizer adamw" in capsys.readouterr().out
    with pytest.raises(WebtextError, match="adamw"):
        settings(recipe="train")
    with pytest.raises(SettingError, match="No setting or section is called dedup"):
        settings("deduplication")
