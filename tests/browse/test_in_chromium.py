"""`webtext browse` in a real browser: nothing overflows, nothing comes from outside, keys work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browse.served import Browser, browsing, kept_id, write_runs

from docs.chromium import Tab, chromium
from pipeline.store.corpus import Corpus
from pipeline.views.show import select

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Debian's chromium")
    with chromium(program) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(sample_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    runs = write_runs(tmp_path_factory.mktemp("runs"))
    with browsing(str(sample_root), "--runs", str(runs)) as server:
        yield server


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1200, False)])
def test_every_view_fits_and_asks_no_one_else(
    tab: Tab, browser: Browser, sample_root: Path, width: int, dark: bool
) -> None:
    page = kept_id(sample_root)
    near = select(Corpus(str(sample_root)), "dedup", where=None, limit=1)[0]["id"]
    tab.look(width, 900, dark=dark)
    for path in (
        "", "pages?q=database", "pages?column=words&operator=at+least&value=5", f"page/{page}",
        f"pair/{near}", "duplicates", f"tokens/{page}", "thresholds?quality.gopher.min_words=400",
        "months", "runs", "page/none",
    ):  # fmt: skip
        tab.open(browser.address + path)
        assert tab.evaluate("document.documentElement.scrollWidth") == width, path
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (not dark), path
        asked = [v["request"]["url"] for m, v in tab.events if m == "Network.requestWillBeSent"]
        assert asked and all(one.startswith((browser.address, "data:")) for one in asked), path
        wrong = [v for m, v in tab.events if m in ("Log.entryAdded", "Runtime.exceptionThrown")]
        assert path == "page/none" or wrong == [], path


def test_keys_walk_rows_and_turn_lists(tab: Tab, browser: Browser) -> None:
    tab.look(1200, 900)
    tab.open(f"{browser.address}pages?sort=id&order=up")
    for key in ("j", "j", "k"):
        tab.press(key)
    first = tab.evaluate("document.activeElement.href")
    assert first == tab.evaluate("document.querySelector('.list a').href")
    tab.press("/")
    assert tab.evaluate("document.activeElement.name") == "q"
    tab.press("Escape")
    tab.press("?")
    assert tab.evaluate("document.getElementById('help').open") is True
    tab.evaluate("document.getElementById('help').close()")
    tab.events.clear()
    tab.press("n")
    tab.wait("Page.loadEventFired")
    assert "from=25" in tab.evaluate("location.href")


def test_a_slider_shows_what_would_change(tab: Tab, browser: Browser) -> None:
    tab.open(f"{browser.address}thresholds")
    assert "No limit is moved" in tab.evaluate("document.getElementById('difference').innerText")
    moved = tab.evaluate("""
      new Promise((done) => {
        const part = document.getElementById("difference");
        new MutationObserver(() => {
          if (!part.hasAttribute("aria-busy") && part.innerText.includes("→")) done(part.innerText);
        }).observe(part, { attributes: true, childList: true, subtree: true });
        const slider = document.querySelector('[data-of="quality.gopher.min_words"]');
        slider.value = slider.max * 0.8;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
      })
    """)
    assert "by gopher_min_words" in moved and "webtext what-if" in moved
    assert "quality.gopher.min_words=" in tab.evaluate("location.search")


def test_an_archived_page_runs_and_loads_nothing(
    tab: Tab, browser: Browser, sample_root: Path
) -> None:
    page = kept_id(sample_root)
    tab.open(f"{browser.address}archived/{page}")
    assert tab.evaluate("document.body.innerText.length") > 100
    asked = [v["request"]["url"] for m, v in tab.events if m == "Network.requestWillBeSent"]
    assert asked == [f"{browser.address}archived/{page}"]
    assert tab.evaluate("self.origin") == "null"
