"""The report page and the life of one link, on the built sample."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from quality_corpus import page as page_of
from quality_corpus import prose, run, write_documents
from support import Run

from pipeline.quality.stage import QualityStage
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import read_manifest
from pipeline.views.html import page, samples, table
from pipeline.views.report import write_report


class Outline(HTMLParser):
    """Collects headings and refuses what could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "img", "link", "iframe"}, tag
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)
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
    for wanted in ("From links to corpus", "Why the rest was dropped", "Hosts", "Subreddits"):
        assert wanted in outline.headings
    corpus = read_manifest(str(copy / "corpus" / "2024-01"))
    assert corpus is not None
    assert f'<td class="n">{corpus.counts.kept:,}</td>' in text
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
    for html in (table((hostile,), [(hostile,)]), samples([(hostile, hostile, "", hostile)])):
        assert "<script" not in page(hostile, [(hostile, hostile, html)])


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
def test_report_opens_in_a_browser(copy: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium")
    place = write_report(Corpus(str(copy)))
    picture = tmp_path / "report.png"
    subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1100,2400",
            f"--screenshot={picture}",
            f"file://{place}",
        ],
        check=True,
        capture_output=True,
    )
    assert picture.stat().st_size > 30_000  # an empty page of this size has some 10 kB
