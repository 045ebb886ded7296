"""A corpus of texts that are there already, built and read from Python."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from quality_corpus import PROSE
from support import Run

from pipeline.browse.archived import archived_page
from pipeline.browse.catalogue import Catalogue
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.corpus import Corpus
from pipeline.store.own_texts import name_in
from pipeline.views.card import card
from webtext import SettingError, WebtextError, build, stage_transform
from webtext import open as open_corpus

UNNAMED = "https://texts.invalid/?text=b.jsonl%2321"
CODE = "def f(x):\n    return x  \n\n\n# two blank lines, and spaces at an end\ndef g(): ...\n"


def prose(number: int) -> str:
    """Sentences of English words in an order of their own for each number."""
    words = PROSE.replace(".", "").split()
    random.Random(number).shuffle(words)
    return " ".join(f"{' '.join(words[i : i + 12])}." for i in range(0, len(words), 12))


def _write(folder: Path) -> dict[str, str]:
    """Texts by address: prose, code, a copy, and one in German."""
    folder.mkdir()
    texts = {f"https://site{n % 3}.org/{n}": prose(n) for n in range(40)}
    texts["https://code.org/f"] = CODE + prose(50)
    lines = [
        {"body": text, "link": url, "when": "2024-01-02", "points": 5, "name": f"T {url}"}
        for url, text in texts.items()
    ]
    lines += [
        {"body": prose(3), "link": "https://copy.org/", "points": 9},
        {"body": prose(60), "link": "https://low.org/", "points": 1},
        {"body": prose(61), "link": None},
        {"body": None, "link": "https://none.org/"},
        {"body": prose(62), "link": "https://site0.org/0"},
    ]
    half = len(lines) // 2
    for name, part in {"a.jsonl": lines[:half], "b.jsonl": lines[half:]}.items():
        (folder / name).write_text("\n".join(map(json.dumps, part)))
    return texts


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return _write(tmp_path_factory.getbasetemp() / "texts [x]")


@pytest.fixture(scope="module")
def recipe(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a corpus that is built, in the folder of recipe and texts."""
    folder = tmp_path_factory.getbasetemp()
    path = folder / "own.toml"
    path.write_text(
        f"""
        [corpus]
        root = "{folder}/corpus [y]"
        [pages]
        source = "texts"
        [pages.texts]
        path = "{folder}/texts [x]"
        text = "body"
        url = "link"
        date = "when"
        karma = "points"
        title = "name"
        [tokens]
        vocab_size = 400
        validation_fraction = 0.2
        [runner]
        workers = 1
        """
    )
    said: list[str] = []
    build(path, say=said.append)
    assert any("1 of 45 texts have the address or the name of another" in line for line in said)
    return path


def _rows(recipe: Path) -> dict[str, dict[str, Any]]:
    """The accepted texts by address."""
    return {row["url"]: row for row in open_corpus(_root(recipe)).documents()}


def _root(recipe: Path) -> Path:
    return recipe.parent / "corpus [y]"


def test_own_texts_are_accepted_as_they_are(recipe: Path, texts: dict[str, str]) -> None:
    rows = _rows(recipe)
    assert rows["https://code.org/f"]["text"] == texts["https://code.org/f"]
    assert rows["https://site1.org/1"]["title"] == "T https://site1.org/1"
    assert rows["https://site1.org/1"]["date"] == "2024-01-02"
    assert {row["text"] for row in rows.values()} == {*texts.values(), prose(61)}
    assert "https://low.org/" not in rows, "its score is too low"
    assert UNNAMED in rows
    said: list[str] = []
    build(recipe, say=said.append)
    assert all("up to date" in line for line in said if ": " in line and "warning" not in line)


def test_its_card_speaks_of_no_links_and_of_no_robots(recipe: Path) -> None:
    text = card(Corpus(str(_root(recipe))))
    assert "# A corpus of given texts" in text
    assert "Reddit" not in text and "robots" not in text
    assert "webtext forget" in text


def test_a_corpus_is_read_from_python(recipe: Path, tmp_path: Path) -> None:
    corpus = open_corpus(_root(recipe))
    kept = corpus.arrow("corpus", ["id", "words"])
    assert corpus.intervals() == ["all"]
    assert [stage["stage"] for stage in corpus.status()][:2] == ["links", "pages"]
    assert kept.column_names == ["id", "words"]
    ids = kept["id"].to_pylist()
    assert corpus.pandas()["id"].tolist() == ids
    assert corpus.polars().collect()["id"].to_list() == ids
    assert corpus.dataset(cache=str(tmp_path))["id"][:] == ids
    few = corpus.duckdb("decisions").filter("kept").count("*").fetchall()
    assert few == [(len(ids),)]
    life = corpus.why("https://code.org/f")
    assert [step["step"] for step in life["steps"]][:3] == ["link", "fetch", "document"]
    assert corpus.what_if("quality.gopher.min_words=100000").kept_after == 0
    assert corpus.verify() > 10
    with pytest.raises(SettingError, match="No table 'lnks'"):
        corpus.arrow("lnks")
    with pytest.raises(WebtextError, match="no corpus"):
        open_corpus(recipe.parent / "nothing")


def test_a_text_is_looked_at_under_its_name(recipe: Path) -> None:
    catalogue = Catalogue(Corpus(str(_root(recipe))))
    page = page_id(canonical_key(UNNAMED))
    assert archived_page(catalogue, page).text == prose(61)
    assert name_in(UNNAMED) == "b.jsonl#21" and name_in("https://code.org/f") is None


def test_a_stage_is_a_transform_of_another_pipeline(recipe: Path, tmp_path: Path) -> None:
    before = open_corpus(_root(recipe)).status()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        written = pipeline | "Quality" >> stage_transform(recipe, "quality")
        kept = written | "Count" >> beam.Map(lambda manifest: str(manifest.counts.kept))
        kept | "Write" >> beam.Map((tmp_path / "kept.txt").write_text)
    assert open_corpus(_root(recipe)).status() == before
    (quality,) = [stage for stage in before if stage["stage"] == "quality"]
    assert (tmp_path / "kept.txt").read_text() == str(quality["kept"])
    with pytest.raises(SettingError, match="no stage 'qualities'. One of: links"):
        stage_transform(recipe, "qualities")


def test_shards_are_a_data_set_of_pytorch(recipe: Path) -> None:
    from torch.utils.data import DataLoader

    samples = open_corpus(_root(recipe)).tokens(length=32)
    assert samples[0].shape == (33,)
    loaded = [row for batch in DataLoader(samples, batch_size=4, num_workers=1) for row in batch]
    assert len(loaded) == len(samples)
    assert all((samples[n] == row).all() for n, row in enumerate(loaded))
    with pytest.raises(IndexError):
        samples[len(samples)]


def test_own_texts_are_forgotten_and_more_are_added(recipe: Path, webtext: Run) -> None:
    before, root = set(_rows(recipe)), str(_root(recipe))
    gone = {"https://site1.org/1", UNNAMED}
    (recipe.parent / "gone.txt").write_text("\n".join(gone))
    assert webtext("forget", root, str(recipe.parent / "gone.txt")).returncode == 0
    assert open_corpus(root).verify()
    assert before - set(_rows(recipe)) == gone

    more = recipe.parent / "texts [x]" / "c.jsonl"
    more.write_text(json.dumps({"body": prose(70), "link": "https://new.org/"}))
    build(recipe, say=lambda line: None)
    assert set(_rows(recipe)) == (before - gone) | {"https://new.org/"}
