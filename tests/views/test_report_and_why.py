"""The report page and the life of one link, on the built sample."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from quality_corpus import page as page_of
from quality_corpus import prose, run, write_documents
from support import Run

from docs.chromium import chromium
from pipeline.quality.stage import QualityStage
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import read_manifest
from pipeline.views.html import WebLink, page, samples, table
from pipeline.views.report import write_report
from trainer.run.report import write_run_report
from trainer.run.run import RunFacts, RunFolder


class Outline(HTMLParser):
    """Collects headings and refuses what could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "img", "link", "iframe"}, tag
        assert not any(name.startswith("on") or name in {"src", "style"} for name, _ in attrs)
        places = [value or "" for name, value in attrs if name == "href"]
        assert all(tag == "a" and place.startswith(("http://", "https://")) for place in places)
        self._in_heading = tag in {"h1", "h2", "h3"}

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.headings.append(data)
        self._in_heading = False


@pytest.fixture
def copy(sample_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(sample_root, tmp_path / "corpus")
    return tmp_path / "corpus"


def test_report_says_what_the_manifests_say(copy: Path, webtext: Run) -> None:
    assert webtext("report", str(copy)).returncode == 0
    text = (copy / "report.html").read_text()
    outline = Outline()
    outline.feed(text)
    for wanted in (
        "Totals",
        "From links to corpus",
        "Why the rest was dropped",
        "Hosts",
        "Subreddits",
    ):
        assert wanted in outline.headings
    corpus = read_manifest(str(copy / "corpus" / "2024-01"))
    assert corpus is not None
    assert f'<td class="n">{corpus.counts.kept:,}</td>' in text
    tokens = read_manifest(str(copy / "tokens" / "gpt2" / "2024-01"))
    assert tokens is not None
    total = tokens.extra["train_tokens"]
    assert f'<td>tokens of gpt2, train</td><td class="n">{total:,}</td>' in text
    assert '<a href="https://' in text and "webtext why" in text
    for reason in corpus.counts.dropped:
        assert f"corpus: {reason}" in text


def test_report_again_is_the_same_page(copy: Path) -> None:
    first = Path(write_report(Corpus(str(copy)))).read_bytes()
    assert Path(write_report(Corpus(str(copy)))).read_bytes() == first


def test_report_shows_the_lines_that_were_left_out(tmp_path: Path) -> None:
    footer = "Copyright of the <b>Mill</b> Company of the river"
    pages = [page_of(f"https://mill.org/{i}", f"{prose(i)}\n\n{footer}") for i in range(12)]
    job = write_documents(str(tmp_path / "corpus"), pages)
    run(QualityStage(), job)
    text = Path(write_report(job.corpus)).read_text()
    line = "<td>mill.org</td><td>100%</td><td>Copyright of the &lt;b&gt;Mill&lt;/b&gt; Company"
    assert line in text


def test_hostile_text_is_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    for html in (
        table((hostile,), [(hostile,)]),
        samples([(hostile, hostile, hostile, "", hostile)]),
    ):
        assert "<script" not in page(hostile, [(hostile, hostile, html)])
    assert "href" not in WebLink("javascript:alert(1)").html()
    assert '"https://a/&quot;onclick=&quot;x"' in WebLink('https://a/"onclick="x').html()


def test_why_tells_the_life_of_a_link(sample_root: Path, webtext: Run) -> None:
    from pipeline.views.show import select

    row = select(Corpus(str(sample_root)), "corpus", where=None, limit=1)[0]
    other_form = re.sub(r"^https://", "http://", row["url"]) + "?utm_source=x#part"
    for page_name in (row["id"], row["url"], other_form):
        done = webtext("why", str(sample_root), page_name)
        assert done.returncode == 0, done.stdout
        for step in ("link (", "fetch (", "document (", "decision (", "tokens ("):
            assert f"\n{step}" in done.stdout
    missing = webtext("why", str(sample_root), "https://nowhere.example/")
    assert (missing.returncode, "knows nothing of" in missing.stdout) == (1, True)


@pytest.mark.system
@pytest.mark.parametrize(("width", "dark"), [(390, False), (1100, True)])
def test_reports_fit_a_phone_and_a_desk(copy: Path, width: int, dark: bool) -> None:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Debian's chromium")
    places = write_report(Corpus(str(copy))), write_run_report(run_with_long_names(copy / "run"))
    with chromium(program) as tab:
        tab.look(width, 2400, dark=dark)
        for place in places:
            tab.open(f"file://{place}")
            assert tab.evaluate("document.documentElement.scrollWidth") == width, place
            asked = [v["request"]["url"] for m, v in tab.events if m == "Network.requestWillBeSent"]
            assert asked == [f"file://{place}"]
            assert len(tab.picture()) > 30_000  # an empty page of this size has some 10 kB


def run_with_long_names(folder: Path) -> RunFolder:
    """A run of sixty steps whose folders and settings have no place to break."""
    run = RunFolder(folder)
    folder.mkdir()
    long = "x" * 300
    recipe = {"objective": "causal", "data": {"cache": f"/{long}"}, "model": {"layers": 4}}
    run.write(RunFacts(recipe, {}, f"/data/{long}", "f" * 64, "0" * 64, 0, "2.13.0", "3.11.2"))
    lines: list[dict[str, Any]] = [
        {
            "step": step, "loss": 9 - step / 60, "lr": 1e-4, "grad_norm": 1.5, "skipped": step == 9,
            "first_sample": 16 * step, "samples": 16, "seconds": 1.0, "tokens_per_second": 1e6,
            "mfu": 0.5, "mfu_peak": "measured", "data_wait": 0.01, "memory": 600_000_000,
        }
        for step in range(1, 61)
    ]  # fmt: skip
    lines += [{"step": step, "validation_loss": 9 - step / 60} for step in (30, 60)]
    run.log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run
