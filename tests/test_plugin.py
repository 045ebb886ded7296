"""A distribution with one extension of each kind, installed, from links to a trained model.

It is what docs/extending.md shows.  It goes into an environment of its own, over this one's, so
that no other test sees it.
"""

from __future__ import annotations

import html
import json
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from forks import run_python
from support import PROJECT
from tokenizers import Tokenizer

from pipeline.build.build import stale_reason
from pipeline.build.recipe import Recipe
from pipeline.quality.stage import QualityStage
from pipeline.sample import PAGES
from pipeline.store.archives import responses
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Manifest
from pipeline.store.parquet import read_table
from pipeline.views.what_if import changed_quality

EXAMPLE = PROJECT / "tests" / "plugin"
SHOWN = [*sorted(EXAMPLE.glob("*.toml")), *sorted(EXAMPLE.glob("*/[!_]*.py"))]
PAGE_COUNT = 60
SHARDS = "corpus/tokens/characters"

#: `webtext` in a process that has imported torch and Beam before it knows of the environment.
IN_ENVIRONMENT = """
import runpy, site, sys
site.addsitedir(sys.argv.pop(1))
runpy.run_module("pipeline", run_name="__main__", alter_sys=True)
"""

#: `webtext` where the distribution is installed: arguments -> what it says.
Webtext = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe with its input: pages, and bookmarks that lead to them."""
    folder = tmp_path_factory.mktemp("work")
    for recipe in ("recipe.toml", "train.toml"):
        shutil.copy(EXAMPLE / recipe, folder)
    pages = list(islice(responses(str(PAGES)), PAGE_COUNT))
    with closing(sqlite3.connect(folder / "pages.db")) as database, database:
        database.execute("CREATE TABLE pages (url PRIMARY KEY, type, body, fetched)")
        for page in pages[1:]:
            row = (page.url, page.headers.joined("content-type"), page.body, page.date)
            database.execute("INSERT INTO pages VALUES (?, ?, ?, ?)", row)
    urls = [page.url for page in pages]
    lines = [f'<DT><A HREF="{html.escape(url)}" ADD_DATE="1700000000">x</A>' for url in urls]
    lines.append('<DT><A HREF="https://www.example.org/" ADD_DATE="99999999999999">x</A>')
    (folder / "function-words.json").write_text('{"words": ["a", "and", "is", "of", "the", "to"]}')
    (folder / "bookmarks.html").write_text("\n".join(["<DL><p>", *lines, "</DL><p>"]))
    return folder


@pytest.fixture(scope="module")
def webtext(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Webtext:
    """The command of an environment into which pip has installed the distribution."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    python = str(home / "bin" / "python")
    scheme = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    ours = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    source = shutil.copytree(EXAMPLE, home / "source")  # pip leaves a build folder there
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", source], check=True)

    def run(*arguments: str, code: int = 0) -> str:
        if arguments[0] == "build":
            done = subprocess.run(
                [python, "-P", "-m", "pipeline", *arguments],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        else:
            done = run_python("-c", IN_ENVIRONMENT, str(site), *arguments, folder=folder)
        assert done.returncode == code, done.stdout
        return done.stdout

    return run


@pytest.fixture(scope="module")
def corpus(folder: Path, webtext: Webtext) -> Corpus:
    """The corpus that the recipe of the docs builds."""
    webtext("build", "recipe.toml")
    return Corpus(str(folder / "corpus"))


@pytest.fixture(scope="module")
def run(folder: Path, corpus: Corpus, webtext: Webtext) -> Path:
    """A run of the recipe of the docs, on the shards of the corpus."""
    webtext("train", "train.toml", "--data", SHARDS, "--out", "run")
    return folder / "run"


def losses(run: Path) -> list[float]:
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if "loss" in line]


def manifest(corpus: Corpus, stage: str) -> Manifest:
    return corpus.require(stage, "2024-01")


def test_the_docs_show_the_files_that_are_tested_here() -> None:
    page = (PROJECT / "docs" / "extending.md").read_text()
    kinds = {".py": "python", ".toml": "toml"}
    for file in SHOWN:
        assert f"```{kinds[file.suffix]}\n{file.read_text()}```" in page, file.name


def test_a_source_is_read_and_its_bad_lines_are_counted(corpus: Corpus) -> None:
    links = manifest(corpus, "links")
    assert links.counts.kept == PAGE_COUNT
    assert links.extra["bad_lines"] == 1
    assert links.runner == "BundleBasedDirectRunner"


def test_pages_are_taken_from_a_source(corpus: Corpus, webtext: Webtext) -> None:
    """All but one are stored; they are archived, and are taken as pages of the web are."""
    pages = manifest(corpus, "pages")
    assert pages.counts.kept == PAGE_COUNT - 1
    assert pages.counts.dropped == {"not_in_archive": 1}
    assert pages.settings["source"] == "sqlite"
    assert pages.inputs.keys() == {"links", "link_rules", "pages.db"}
    (row, *_) = read_table(corpus.paths("pages", "2024-01", "fetches-")[0]).to_pylist()
    assert row["origin"] == "sqlite"
    assert "requests" not in webtext("plan", "recipe.toml")


def test_a_measure_is_stored_and_decides(corpus: Corpus) -> None:
    quality = manifest(corpus, "quality")
    assert quality.settings["measured"]["measures"]["shouting"] == {
        "version": "1",
        "columns": ["shouting_capitals"],
    }
    (path,) = corpus.paths("quality", "2024-01")[:1]
    assert "shouting_capitals" in read_table(path).column_names
    assert manifest(corpus, "corpus").counts.dropped["shouting_max_capitals"] > 0


def test_a_scorer_is_stored_and_decides(corpus: Corpus) -> None:
    (path,) = corpus.paths("quality", "2024-01")[:1]
    scores = read_table(path)["scorers_function_score"].to_pylist()
    assert 0 < max(scores) < 1
    assert manifest(corpus, "corpus").counts.dropped["scorers_function_min_score"] > 0


def test_a_tokenizer_is_trained_and_its_shards_are_whole(corpus: Corpus, webtext: Webtext) -> None:
    folder = Path(corpus.root, "tokenizers", "characters")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode("To be").ids
    assert (len(ids), tokenizer.decode(ids)) == (5, "To be")
    roles = json.loads((folder / "special_tokens_map.json").read_text())
    assert roles["mask_token"] == "[MASK]"
    assert manifest(corpus, "tokens/characters").settings["characters"] == {"min_count": 3}
    assert "7 stages: all is as recorded" in webtext("verify", "corpus")


def test_nothing_is_built_twice(corpus: Corpus, webtext: Webtext) -> None:
    said = webtext("build", "recipe.toml")
    assert said.count(": up to date, ") == len(STAGES)


def test_a_build_is_planned(corpus: Corpus, webtext: Webtext) -> None:
    said = webtext("plan", "recipe.toml")
    assert f"all of the sources read: {PAGE_COUNT} links" in said
    assert "scorer function: " in said


def test_what_if_knows_the_thresholds_of_a_measure(corpus: Corpus, webtext: Webtext) -> None:
    said = webtext("what-if", "corpus", "--set", "quality.shouting.max_capitals=0.01")
    assert "by shouting_max_capitals 0.01" in said


def test_a_report_shows_what_a_measure_turned_away(corpus: Corpus, webtext: Webtext) -> None:
    webtext("report", "corpus")
    assert "shouting_max_capitals" in Path(corpus.root, "report.html").read_text()


def test_an_objective_learns_by_an_optimizer_and_is_resumed(run: Path, webtext: Webtext) -> None:
    """From the checkpoint in the middle, the rest is as if it had never been broken off."""
    whole = losses(run)
    assert len(whole) == 6
    assert whole[-1] < whole[0]
    cut = run.with_name("cut")
    shutil.copytree(run, cut)
    shutil.rmtree(cut / "checkpoints" / "step-00000006")
    webtext("train", "train.toml", "--data", SHARDS, "--out", "cut", "--resume")
    assert losses(cut)[-3:] == whole[-3:]
    name = "model.safetensors"
    for out in ("run", "cut"):
        webtext("export", out, f"exported-{out}")
    first, second = (run.with_name(f"exported-{out}") / name for out in ("run", "cut"))
    assert first.read_bytes() == second.read_bytes()


def test_a_run_is_judged_and_reported(run: Path, webtext: Webtext) -> None:
    rows = [
        {"right": "To be or not to be.", "wrong": "be not To or be to."},
        {"right": "A list of numbers.", "wrong": "of numbers A list."},
    ]
    (run.parent / "order.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "masked: " in webtext("eval", "run")
    assert "items: 2" in webtext("eval", "run", "--task", "order", "--file", "order.jsonl")
    told = [line.split("\t") for line in (run / "numbers.tsv").read_text().splitlines()]
    assert {int(step) for step, name, _ in told if name == "loss"} == {1, 2, 3, 4, 5, 6}
    webtext("report", "run")
    assert "masked" in (run / "report.html").read_text()


def test_a_run_is_planned_with_what_an_optimizer_keeps(run: Path, webtext: Webtext) -> None:
    """One number a weight, where AdamW keeps two."""
    webtext("--result", "plan.json", "plan", "train", "train.toml", "--data", SHARDS)
    size = json.loads(run.with_name("plan.json").read_text())["bytes_by_part"]
    assert size["optimizer (fp32)"] == size["weights (fp32)"]


def test_settings_are_listed_with_their_source(webtext: Webtext) -> None:
    said = webtext("settings", "--recipe", "build")
    for setting in (
        "quality.shouting.max_capitals = 0.3",
        "links.sources[bookmarks].exported (must be given)",
        'pages.sqlite.path = ""',
        "tokens.characters.min_count = 2",
    ):
        shown = said.partition(f"\n{setting}\n")[2].splitlines()[0]
        assert shown.endswith("value from: webtext-example"), setting


@pytest.mark.parametrize(
    ("setting", "known"),
    [
        ('tokens.kind="character"', "bpe, characters, file, unigram, wordpiece"),
        ('links.sources=[{kind="bookmark"}]', "bookmarks, reddit-api, reddit-dump, texts, urls"),
        ('pages.source="sqlit"', "commoncrawl, sqlite, texts, warc, web. Did you mean sqlite?"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_the_known(
    setting: str, known: str, webtext: Webtext
) -> None:
    assert known in webtext("build", "recipe.toml", "--set", setting, code=2)


def test_a_corpus_says_what_it_was_made_with_where_that_is_not_installed(corpus: Corpus) -> None:
    """Here, where it is not: what needs a measure names it, what needs none does its work."""
    with pytest.raises(WebtextError, match="the measure shouting, which is not installed here"):
        changed_quality(corpus, "2024-01", ["quality.gopher.min_words=40"])
    recipe = {"corpus": {"root": corpus.root, "interval": "2024-01"},
              "links": {"sources": [{"kind": "urls", "path": "x"}]},
              "pages": {"source": "warc", "warc": ["x"]}}  # fmt: skip
    reason = stale_reason(QualityStage(), Recipe.checked(recipe, "recipe").job())
    assert reason is not None
    assert "measures.shouting" in reason
