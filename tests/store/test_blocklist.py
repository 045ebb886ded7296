"""What is left out, by which list, and that WebText's list lets its own largest domains through."""

from __future__ import annotations

from pathlib import Path

import pytest
import tldextract

from pipeline.store.blocklist import DEFAULT, AddressRules, file_type, listed, reason_to_drop

WEBTEXT = ("reddit", "wikipedia", "webtext")


@pytest.mark.parametrize(
    ("url", "lists", "reason"),
    [
        ("https://www.reddit.com/r/x/", DEFAULT, "reddit"),
        ("https://i.imgur.com/x.jpg", DEFAULT, "media"),
        ("https://imgur.com/x", ("wikipedia",), None),
        ("https://en.wikipedia.org/wiki/X", DEFAULT, "wikipedia"),
        ("https://a.org/x.PDF?y=1", DEFAULT, "file_type"),
        ("https://a.org/.jpg", DEFAULT, "media"),
        ("https://a.org/x.txt", DEFAULT, None),
        ("https://a.org/x.jpg/y", DEFAULT, None),
        ("https://openai.ai/", DEFAULT, None),
        ("https://notreddit.com/", DEFAULT, None),
        ("https://twitter.com/#!/nasa/status/1", WEBTEXT, "webtext"),
        ("https://x.tumblr.com/post/1", WEBTEXT, "webtext"),
        ("https://www.amazon.co.uk/dp/1", WEBTEXT, "webtext"),
        ("https://www.facebook.com/x", WEBTEXT, "webtext"),
        ("https://a.org/x.jpg", WEBTEXT, "webtext"),
        ("https://en.wikipedia.org/wiki/X", WEBTEXT, "wikipedia"),
        ("https://vid.me/x", WEBTEXT, None),
        ("https://www.youporn.com/watch/1", WEBTEXT, None),
        ("https://twitter.com/x", ("openwebtext",), "openwebtext"),
        ("https://a.org/x.txt", ("openwebtext",), "openwebtext"),
        ("https://a.org/x.txt", ("openwebtext2",), None),
        ("https://x.deviantart.com/art/y", ("openwebtext2",), None),
        ("https://www.amazon.com/dp/1", ("openwebtext",), None),
    ],
)
def test_reason(url: str, lists: tuple[str, ...], reason: str | None) -> None:
    assert reason_to_drop(url, lists) == reason


def test_webtext_lets_its_own_domains_through() -> None:
    """None of the 1,000 names that OpenAI counted is one that our list of WebText leaves out.

    `Twitch` is there in capitals alone: WebText's own list told `Twitch.tv` from `twitch.tv`.
    """
    lines = Path(__file__).with_name("webtext_domains.tsv").read_text("utf-8").splitlines()
    table = {line.split("\t")[1] for line in lines if line[0] != "#"}
    assert len(table) > 990
    split = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    text = (Path(__file__).parents[2] / "pipeline/store/blocklist.txt").read_text("utf-8")
    rows = [line.partition(":") for line in text.splitlines() if line[:1] not in ("", "#")]
    hosts = {x for names, _, values in rows if "webtext" in names.split() for x in values.split()}
    named = {split(host).domain for host in hosts if not host.startswith(".")}
    assert {"twitter", "facebook", "tumblr", "amazon", "youtube", "wikipedia"} <= named
    assert not named & table


def test_names_of_hosts_and_files() -> None:
    assert listed("old.reddit.com") == {"reddit", "webtext", "openwebtext", "openwebtext2"}
    assert listed("[2001:db8::1]") == frozenset()
    assert [file_type(path) for path in ("/a.b/c", "/x.tar.GZ", "", "/.x")] == ["", ".gz", "", ".x"]
    rules = AddressRules.of({"domains": ["A.org"], "block_domains": ["www.b.a.org"]})
    assert rules.reason_to_drop("http://x.a.org/", "x.a.org") is None
    assert rules.reason_to_drop("http://x.b.a.org/", "x.b.a.org") == "domain"
    assert rules.reason_to_drop("http://c.org/", "c.org") == "domain_not_listed"
