"""`webtext browse` on the built sample, by HTTP: who may ask, what is shown, how it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq
import pytest
from browse.served import Browser, browsing, kept_id, write_runs
from tokenizers import Tokenizer

from pipeline.browse.catalogue import Catalogue
from pipeline.store.corpus import Corpus
from pipeline.tokens.megatron import IndexedDataset
from pipeline.views.show import select
from pipeline.views.what_if import changed_quality, what_if


@pytest.fixture(scope="module")
def browser(sample_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    runs = write_runs(tmp_path_factory.mktemp("runs"))
    with browsing(str(sample_root), "--runs", str(runs)) as server:
        yield server


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"token": ""}, 403),
        ({"token": "A" * 32}, 403),
        ({"token": "%C3%A9"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:80"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "127.0.0.1:1"}, 421),
        ({"method": "POST"}, 405),
        ({"method": "OPTIONS"}, 405),
        ({"method": "HEAD"}, 200),
        ({"path": "nope"}, 404),
        ({"path": "static/..%2fserver.py"}, 404),
        ({"path": "page/xx"}, 404),
        ({"path": "pages?column=nope&operator=is&value=1"}, 400),
        ({"path": "pages?column=words"}, 400),
        ({"path": "*", "method": "OPTIONS"}, 403),
        ({"path": "pages?q=a%00b"}, 200),
        ({"path": f"pages?from={'9' * 30}"}, 200),
        ({"path": f"trace?run=one&step={'9' * 5_000}"}, 400),
        ({"path": "difference?quality.gopher.min_words=nan"}, 400),
        ({"path": "thresholds?interval=..%2f.."}, 404),
    ],
)
def test_only_the_reader_may_ask(browser: Browser, how: dict[str, str], status: int) -> None:
    answer = browser.get(**how)
    assert answer.status == status
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'") and "unsafe" not in policy
    assert ("In the corpus" in answer.text or "/static/" in answer.text) == (
        status in (200, 400, 404) and how.get("method") != "HEAD"
    )


def test_overview_has_the_numbers_of_the_manifests(browser: Browser, sample_root: Path) -> None:
    corpus = Corpus(str(sample_root)).require("corpus", "2024-01")
    shown = browser.get().shown
    assert f"kept {corpus.counts.kept:,}" in shown
    assert all(f"{reason} {n:,}" in shown for reason, n in corpus.counts.dropped.items())


def test_a_search_gives_the_pages_that_have_the_words(browser: Browser, sample_root: Path) -> None:
    row = select(Corpus(str(sample_root)), "corpus", where=None, limit=1)[0]
    phrase = " ".join(row["text"].split()[4:9])
    for asked in (f'"{phrase}"', row["url"], row["id"]):
        links = browser.get(f"pages?q={quote(asked)}").page.links
        found = [link for link in links if "/page/" in link]
        assert row["id"] in (found[0] if asked == row["id"] else " ".join(found)), asked
    assert "<mark>" in browser.get(f"pages?q={quote(phrase.split()[0])}").text
    assert browser.get("pages?q=zzzxqy").shown.count("No page meets this") == 1


def test_lists_are_filtered_and_sorted_by_any_column(browser: Browser, sample_root: Path) -> None:
    corpus = Corpus(str(sample_root))
    where = "gopher_words >= 100"
    rows = select(corpus, "quality", where=where, limit=10_000)
    shown = browser.get(
        "pages?column=gopher_words&operator=at+least&value=100&sort=gopher_words&order=up"
    ).shown
    assert f"{len(rows):,} pages" in shown
    least = min(row["gopher_words"] for row in rows)
    assert f"gopher_words: {least}" in shown
    kept = corpus.require("corpus", "2024-01").counts.kept
    assert f"{kept:,} pages" in browser.get("pages?column=fate&operator=is&value=kept").shown


def test_a_list_is_turned(browser: Browser) -> None:
    first = browser.get("pages?sort=id&order=up")
    link = next(link for link in first.page.links if "from=25" in link)
    second = browser.get(f"pages{link}")
    ids = [[x for x in page.page.links if "/page/" in x] for page in (first, second)]
    assert len(ids[0]) == 25 and not set(ids[0]) & set(ids[1])
    assert "26 to" in second.shown


def test_a_page_has_its_text_its_archive_and_its_life(browser: Browser, sample_root: Path) -> None:
    row = select(Corpus(str(sample_root)), "corpus", where=None, limit=1)[0]
    answer = browser.get(f"page/{row['id']}")
    assert " ".join(row["text"].split()[:8]) in answer.shown
    for step in ("link", "fetch", "document", "measurements", "decision", "tokens"):
        assert f"{step} 2024-01" in answer.shown
    assert '<iframe sandbox src="' in answer.text
    archived = browser.get(f"archived/{row['id']}")
    assert row["text"].split()[0] in archived.text and "<script" not in archived.text
    policy = archived.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "script" not in policy


def test_keys_and_looks_are_files_of_the_package(browser: Browser) -> None:
    for name, kind in (("browse.js", "text/javascript"), ("browse.css", "text/css")):
        answer = browser.get(f"static/{name}")
        assert (answer.status, answer.headers.get_content_type()) == (200, kind)
        assert "http" not in answer.text


def test_ctrl_c_ends_it(sample_root: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    with browsing(str(sample_root), "--index", str(index)) as browser:
        assert browser.get().status == 200
        assert browser.end() == (0, "")
    assert all(path.suffix == ".sqlite" for path in index.iterdir())


def test_a_corpus_that_has_only_links(sample_root: Path, tmp_path: Path) -> None:
    """Half built: what is not there yet is said, what comes and goes is seen, nothing fails."""
    (tmp_path / "links").symlink_to(sample_root / "links")
    with browsing(str(tmp_path)) as browser:
        assert "not fetched yet" in browser.get().shown
        page = kept_id(sample_root)
        shown = browser.get(f"page/{page}").shown
        assert "No archive has this page." in shown and "No text was taken" in shown
        assert browser.get("pages?q=postgresql").status == 200
        assert browser.get("duplicates").shown.count("0 duplicates") == 1
        assert browser.get("months").status == 200
        assert "has no finished stage corpus" in browser.get("thresholds").shown
        for stage in ("pages", "documents", "quality", "dedup", "corpus"):
            (tmp_path / stage).symlink_to(sample_root / stage)
        assert "not fetched yet" not in browser.get().shown
        assert "min_words" in browser.get("thresholds").shown
        assert "No text was taken" not in browser.get(f"page/{page}").shown
        (tmp_path / "documents").unlink()
        assert "No text was taken" in browser.get(f"page/{page}").shown


def test_duplicates_stand_side_by_side(browser: Browser, sample_root: Path) -> None:
    corpus = Corpus(str(sample_root))
    rows = select(corpus, "dedup", where="kind IN ('near', 'exact')", limit=100)
    shown = browser.get("duplicates").shown
    assert f"{len(select(corpus, 'dedup', where=None, limit=10_000)):,} duplicates" in shown
    answer = browser.get(f"pair/{rows[0]['id']}")
    assert f"{rows[0]['similarity']:.3f} similar" in answer.shown
    both = {link.split("/")[-1] for link in answer.page.links if "/page/" in link}
    assert both == {rows[0]["id"], rows[0]["kept_id"]}
    assert f"pair/{rows[0]['id']}" in browser.get(f"page/{rows[0]['kept_id']}").text
    assert browser.get(f"pair/{kept_id(sample_root)}").status == 404


def test_thresholds_give_the_numbers_of_what_if(browser: Browser, sample_root: Path) -> None:
    corpus = Corpus(str(sample_root))
    change = what_if(
        corpus, "2024-01", *changed_quality(corpus, "2024-01", ["quality.gopher.min_words=400"])
    )
    query = "quality.gopher.min_words=400"
    for path in (f"thresholds?{query}", f"difference?{query}"):
        answer = browser.get(path)
        assert f"{change.kept_before:,} → {change.kept_after:,} of" in answer.shown
        examples = {link.split("/")[-1] for link in answer.page.links if "/page/" in link}
        assert {one.id for part in change.leave for one in part.examples} <= examples
    page = browser.get("thresholds").text
    slider = re.search(r'data-of="quality.gopher.min_words" data-marks="([^"]+)"', page)
    assert slider is not None
    marks = [float(mark) for mark in slider[1].split()]
    assert marks == sorted(marks) and 50.0 in marks
    assert "No limit is moved yet" in browser.get("difference").shown
    assert "min_words=false" in browser.get("difference?quality.gopher.min_words=").shown
    for wrong in ("quality.gopher.min_words=x", "quality.nope.min_words=1"):
        assert browser.get(f"difference?{wrong}").status == 400


def test_tokens_are_those_of_the_shard(browser: Browser, sample_root: Path) -> None:
    folder = sample_root / "tokens" / "gpt2" / "2024-01"
    row = pq.read_table(next(folder.glob("documents-train-*.parquet"))).to_pylist()[3]
    shard = IndexedDataset(str(folder / row["shard"]))
    tokens = shard.tokens[row["start"] : row["start"] + row["length"]].tolist()
    answer = browser.get(f"tokens/{row['id']}")
    titles = re.findall(r'title="(\d+) at (\d+)"', answer.text)
    assert [int(number) for number, _ in titles] == tokens[:2_000]
    assert int(titles[0][1]) == row["start"]
    tokenizer = Tokenizer.from_file(str(sample_root / "tokenizers" / "gpt2" / "tokenizer.json"))
    assert tokenizer.decode(tokens[:20]) in "".join(answer.page.words)
    last = browser.get(f"tokens/{row['id']}?from={row['length'] - 1}")
    assert re.findall(r'title="(\d+) at', last.text) == [str(tokens[-1])]
    assert browser.get("tokens/" + "0" * 32).status == 404


def test_months_add_up(browser: Browser, sample_root: Path) -> None:
    links = Corpus(str(sample_root)).require("links", "2024-01").counts.kept
    kept = Corpus(str(sample_root)).require("corpus", "2024-01").counts.kept
    shown = browser.get("months").shown
    by_interval = shown.partition("By interval")[2]
    assert f"2024-01 {links:,} " in by_interval and f" {kept:,} " in by_interval


def test_runs_lead_from_a_spike_to_its_step(browser: Browser) -> None:
    answer = browser.get("runs")
    assert "step 31 : loss 12.0000 after 8" in answer.shown
    assert answer.text.count("<polyline") == 4 and " style=" not in answer.text  # two a run
    link = next(link for link in answer.page.links if "trace?" in link and "step=31" in link)
    assert "run=one" in link
    assert browser.get("trace?run=..%2Fx&step=1").status == 400
    only = browser.get("runs?run=one")
    assert only.text.count("<polyline") == 2 and 'data-run="one"' in only.text


def test_a_query_that_is_ended_reads_no_files(sample_root: Path) -> None:
    """Ctrl-C ends a long query; it is not taken for a damaged file, for which all are read."""
    catalogue, ended = Catalogue(Corpus(str(sample_root))), Event()

    def end() -> None:
        while not ended.wait(0.1):  # what comes before the query begins has no effect
            catalogue.close()

    ender = Thread(target=end)
    ender.start()
    with pytest.raises(duckdb.InterruptException):
        catalogue.ask("SELECT count(*) FROM range(100000000) a, range(100000000) b")
    ended.set()
    ender.join()
