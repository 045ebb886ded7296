"""The rules of OpenWebText and OpenWebText2, as their code has them, beside the recipes.

`originals` is written after what jcpeterson/openwebtext (`url_utils.py`, `extract_urls.py`) and
EleutherAI/openwebtext2 (`scraping/filter.py`, `pushshift/generate_urls.py`) do, with the lists of
`blocklist.txt`; digests say that these are the originals' own.  The posts are genuine
(`posts_2013.ndjson`, from umbrae/reddit-top-2.5-million, PDDL 1.0; more of them in ../shared/data).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson
import pytest
import tldextract

from pipeline.build.recipe import read_recipe
from pipeline.links.dumps import blocks, lines
from pipeline.links.markdown import unescape
from pipeline.links.mentions import to_row
from pipeline.links.merge import decide
from pipeline.links.posts import post_links, turned_away
from pipeline.links.rules import Rules
from pipeline.links.things import parse_post
from pipeline.store import blocklist
from pipeline.store.addresses import canonical_key, page_of
from pipeline.store.blocklist import file_type
from pipeline.store.wrappers import is_wrapper

SAMPLE = Path(__file__).with_name("posts_2013.ndjson")
#: sha256 of hosts and types, sorted and with a space between, as the originals' files list them.
DIGESTS = {
    "openwebtext": "90f418b71d8bf83383717dd04d533dec583d568ff07e4118485b4298aedf91cc",
    "openwebtext2": "735fd5e9289b68e14ebda714f0a79a7cfefe2dd07a7f72b643add935c50ea371",
}
_SPLIT = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
#: What OpenWebText2 takes for an address: a host, a port, then nothing, a slash, or no white space.
_FORM = re.compile(r"https?://([^/?:\s]+)(?::\d+)?(?:/|[/?]\S+)?", re.I)
_LABEL = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.I)


def entries(name: str) -> frozenset[str]:
    """The hosts and types of a list, by a reader of its own."""
    text = Path(blocklist.__file__).with_name("blocklist.txt").read_text("utf-8")
    rows = [line.split(":") for line in text.splitlines() if line and line[0] != "#"]
    return frozenset(value for row in rows if name in row[0].split() for value in row[1].split())


def is_left_out(name: str, url: str) -> bool:
    """Whether the original leaves an address out: by its domain, by how it ends, by its form."""
    listed, parts = entries(name), _SPLIT(url)
    host = ".".join(filter(None, (parts.subdomain, parts.domain, parts.suffix)))
    if {host, f"{parts.domain}.{parts.suffix}"} & listed:
        return True
    types = tuple(entry for entry in listed if entry.startswith("."))
    if url.partition("?")[0].lower().endswith(types):
        return True
    return len(url) < 10 if name == "openwebtext" else not has_form(url)


def has_form(url: str) -> bool:
    """Whether OpenWebText2 takes a text for an address."""
    form = _FORM.fullmatch(url)
    labels = form[1].removesuffix(".").split(".") if form else []
    return len(labels) > 1 and len(labels[-1]) > 1 and all(map(_LABEL.fullmatch, labels))


def originals(name: str, posts: list[dict[str, Any]]) -> set[str]:
    """The addresses that the original keeps of posts."""
    if name == "openwebtext":
        return {
            post["url"]
            for post in posts
            if not is_left_out(name, post["url"]) and post["score"] > 2 and not post["over_18"]
        }
    scores = Counter[str]()
    for post in posts:
        if post["is_self"] is False and post["url"]:
            scores[post["url"]] += post["score"]
    return {url for url, score in scores.items() if score >= 3 and not is_left_out(name, url)}


def ours(name: str, posts: list[dict[str, Any]]) -> set[str]:
    """The keys of the pages that the recipe keeps of posts."""
    settings = read_recipe(name, ['pages.contact="mailto:you@example.org"']).links
    rules, pages = Rules(settings), defaultdict[str, list[dict[str, Any]]](list)
    for row in posts:
        post = parse_post(orjson.dumps(row))
        if turned_away(post, over_18=settings.over_18) is None:
            for mention in map(to_row, post_links(post)):
                pages[mention["id"]].append(mention)
    kept = [decide(mentions, rules) for mentions in pages.values()]
    return {link["key"] for link, reason in kept if reason is None}


def why_different(name: str, urls: Collection[str]) -> str | None:
    """Why we decide otherwise on a page that was posted at these addresses; None: we should not."""
    for url in urls:
        host = re.split("[/?#]", url.partition("://")[2])[0]
        if page_of(unescape(url)) is None:
            return "no address of the web"
        if is_wrapper(host):
            return "a redirect is its target"
        if host != host.lower():
            return "hosts are told in any case"
        page, _, fragment = url.partition("#")
        ends = {host, fragment, page if "#" in url else ""}
        if not entries(name).isdisjoint(map(file_type, ends)):
            return "neither a fragment nor a host is a file"
        if name == "openwebtext2" and not has_form(url):
            return "addresses are mended as browsers do"
    return "scores of one page in several forms" if len(urls) > 1 else None


def compare(name: str, posts: list[dict[str, Any]]) -> tuple[int, Counter[str | None]]:
    """(pages that the original keeps, why we decide otherwise: how often)."""
    forms = defaultdict[str, set[str]](set)
    for post in posts:
        url = unescape(post["url"])
        page = page_of(url)  # of a redirect's target, whose key is another
        for key in {canonical_key(url), page.key if page else ""}:
            forms[key].add(post["url"])
    theirs = {canonical_key(unescape(url)) for url in originals(name, posts)}
    differ = theirs ^ ours(name, posts)
    return len(theirs), Counter(why_different(name, forms[key]) for key in differ)


def genuine(path: Path) -> list[dict[str, Any]]:
    """The posts of a dump that have an address."""
    rows = [orjson.loads(line) for block in blocks(str(path)) for _, line in lines(block)]
    return [row for row in rows if row["url"]]


@pytest.mark.parametrize("name", DIGESTS)
def test_the_lists_are_the_originals_own(name: str) -> None:
    text = " ".join(sorted(entries(name)))
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[name]


@pytest.mark.parametrize("name", DIGESTS)
def test_a_sample_of_genuine_posts(name: str) -> None:
    """In the sample are many that the two decide differently, so that each reason is there."""
    posts = genuine(SAMPLE)
    kept, reasons = compare(name, posts)
    assert 200 < kept < len(posts) * 0.6
    assert None not in reasons
    assert reasons


@pytest.mark.system
@pytest.mark.parametrize("name", DIGESTS)
def test_a_genuine_month(shared_data: Path, name: str) -> None:
    kept, reasons = compare(name, genuine(shared_data / "reddit" / "RS_2013-08_top.zst"))
    assert kept > 10_000
    assert None not in reasons
    assert reasons.total() < kept / 500


@pytest.mark.parametrize(
    ("url", "left_out", "kept_by_us", "why"),
    [
        ("http://Imgur.com/a", False, False, "hosts are told in any case"),
        ("http://a.org/x#y.jpg", True, True, "neither a fragment nor a host is a file"),
        ("http://truestory.jpg", True, True, "neither a fragment nor a host is a file"),
        ("http://a.org/x.jpg#", False, False, "neither a fragment nor a host is a file"),
        ("http://www.google.de/url?url=http://a.org/", False, True, "a redirect is its target"),
        ("ftp://a.org/x", False, False, "no address of the web"),
        ("http://a.org/a b", True, True, "addresses are mended as browsers do"),
        ("http://www.gylfiægisson.is", True, True, "addresses are mended as browsers do"),
        ("http://a_b.tumblr.com/", True, True, "addresses are mended as browsers do"),
        ("http://a.org/x.html", False, True, None),
        ("http://i.imgur.com/x", True, False, None),
        ("http://a.org/x.PDF?y", True, False, None),
    ],
)
def test_differences_on_purpose(
    url: str, left_out: bool, kept_by_us: bool, why: str | None
) -> None:
    """What `docs/links.md` lists, one address each."""
    name = "openwebtext2"
    post = {"id": "1", "url": url, "score": 9, "created_utc": 1, "is_self": False}
    if url.startswith(("http://www.google.de", "ftp", "http://a.org/x.jpg#")):
        name = "openwebtext"  # whose test of the form lets these through
    assert is_left_out(name, url) is left_out
    assert bool(ours(name, [post])) is kept_by_us
    assert why_different(name, [url]) == why
