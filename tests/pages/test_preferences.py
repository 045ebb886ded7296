"""What pages and sites prefer of their use: every form of it, and what only looks like one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.preferences.ai_agents import AGENTS, product
from pipeline.pages.preferences.content_signal import signal_preference
from pipeline.pages.preferences.content_usage import usage_preference
from pipeline.pages.preferences.page_head import PageHead, read_head, refresh_target
from pipeline.pages.preferences.preference import Preference
from pipeline.pages.preferences.rsl import license_links, read_license
from pipeline.pages.preferences.tdmrep import parse_reservations
from pipeline.pages.robots import parse_rules
from pipeline.pages.screen import Judged, screen_body, unknown_license
from pipeline.pages.settings import PagesSettings
from pipeline.store.http_answer import Headers

URL = "http://a.test/news/1.html"
WORDS = "<p>Some words of a page.</p>"
HTML = ("Content-Type", "text/html")


def judged(
    page: str, *headers: tuple[str, str], encoding: str = "utf-8", **changes: object
) -> Judged:
    values = {"contact": "mailto:a@example.org"} | changes
    settings = PagesSettings.checked(values, "test")
    body = page.encode(encoding)
    return screen_body(URL, Headers([HTML, *headers]), body, settings, unknown_license)


HEADERS = [
    ("X-Robots-Tag: noai", "opt_out_noai"),
    ("X-Robots-Tag: NoAI, noimageai", "opt_out_noai"),
    ("X-Robots-Tag: noindex, noai", "opt_out_noai"),  # the one that says most of what we do
    ("X-Robots-Tag: noml", "opt_out_noml"),
    ("X-Robots-Tag: none", "opt_out_noindex"),
    ("X-Robots-Tag: noarchive", "opt_out_noarchive"),
    ("X-Robots-Tag: noimageai", "ok"),  # pictures only
    ("X-Robots-Tag: nofollow", "ok"),
    ("X-Robots-Tag: webtext: noindex", "opt_out_noindex"),
    ("X-Robots-Tag: WebText/1.0: noindex", "opt_out_noindex"),
    ("X-Robots-Tag: otherbot: noindex", "ok"),
    ("X-Robots-Tag: otherbot/2.1: nofollow, noai", "ok"),
    ("X-Robots-Tag: otherbot: noindex, webtext: noarchive", "opt_out_noarchive"),
    ("X-Robots-Tag: otherbot: noindex\nX-Robots-Tag: noml", "opt_out_noml"),
    ("X-Robots-Tag: GPTBot: noindex", "opt_out_ai_agents"),
    ("X-Robots-Tag: unavailable_after: 25 Jun 2010 15:00:00 PST", "ok"),
    # A date has commas and colons of its own.
    ("X-Robots-Tag: unavailable_after: Wed, 03 Dec 2045 13:09:53 GMT, noindex", "opt_out_noindex"),
    ("X-Robots-Tag: unavailable_after: Monday, 03-Dec-45 13:09 GMT, noai", "opt_out_noai"),
    ("X-Robots-Tag: otherbot: unavailable_after: Wed, 3 Dec 2045 13:09:53 GMT, noai", "ok"),
    ("X-Robots-Tag: max-snippet:20, noai", "opt_out_noai"),
    ('X-Robots-Tag: "noai, noimageai"', "opt_out_noai"),
    ("X-Robots-Tag:", "ok"),
    ("Content-Usage: train-ai=n", "opt_out_content_usage"),
    ("Content-Usage: search=y, train-ai=n;note=1", "opt_out_content_usage"),
    ("Content-Usage: search=y\nContent-Usage: train-ai=n", "opt_out_content_usage"),
    ("Content-Usage: train-ai=y", "ok"),
    ("Content-Usage: search=n", "ok"),
    ("Content-Signal: search=yes, ai-train=no", "opt_out_content_signal"),
    ("Content-Signal: ai-train=yes, search=no", "ok"),
    ("TDM-Reservation: 1", "opt_out_tdm"),
    ("TDM-Reservation: 0", "ok"),
    ("TDM-Reservation: 2", "ok"),
    ("TDM-Reservation: 1\nTDM-Policy: https://a.test/policy.json", "opt_out_tdm"),
    ('Link: </l.xml>; rel="license"; type="application/rsl+xml"', "opt_out_rsl"),
    ("TDM-Reservation: 0\nTDM-Reservation: 1", "opt_out_tdm"),
    ("TDM-Reservation: 1, 1", "opt_out_tdm"),
    ("Link: </l.xml>;REL=LICENSE;TYPE=application/rsl+xml", "opt_out_rsl"),
    ('Link: </l.html>; rel="license"', "ok"),  # a licence for people
    ('Link: </license>; rel=next; type="application/rsl+xml"', "ok"),
    ('Link: </a>; rel=alternate; title="license application/rsl+xml"', "ok"),
]


@pytest.mark.parametrize(("lines", "outcome"), HEADERS)
def test_headers(lines: str, outcome: str) -> None:
    pairs = [
        tuple(line.split(": ", 1)) if ": " in line else (line[:-1], "")
        for line in lines.split("\n")
    ]
    assert judged(WORDS, *pairs).outcome == outcome  # type: ignore[arg-type]


METAS = [
    ('<meta name="robots" content="noai">', "opt_out_noai"),
    ("<META CONTENT='index, NOML' NAME=ROBOTS>", "opt_out_noml"),
    ('<meta name="robots" content="noindex;noarchive">', "opt_out_noindex"),
    ('<meta name="WebText" content="none"/>', "opt_out_noindex"),
    ('<meta title="a>b" name="robots" content="noai">', "opt_out_noai"),
    ('<meta name="rob&#111;ts" content="noai">', "opt_out_noai"),
    ('<meta name="CCBot" content="noindex">', "opt_out_ai_agents"),
    ('<meta name="tdm-reservation" content="1">', "opt_out_tdm"),
    ('<noscript><meta name="robots" content="noai"></noscript>', "opt_out_noai"),
    ('<div>too early</div><meta name="robots" content="noai">', "opt_out_noai"),
    (f"<style>{'a{}' * 40_000}</style><meta name=robots content=noai>", "opt_out_noai"),
    (f"<script>{'//</head> <body>' * 6}</script><meta name=robots content=noai>", "opt_out_noai"),
    ('<meta name="robots" content="no&#97;i">', "opt_out_noai"),
    ("<meta title='</head>' name=robots content=noai>", "opt_out_noai"),
    ("<meta content='a > <body>' name=x><meta name=robots content=noai>", "opt_out_noai"),
    ("<header>early</header><bodyguard/><meta name=robots content=noai>", "opt_out_noai"),
    # What only looks like it.
    ('<meta name="googlebot" content="noindex">', "ok"),
    ('<meta property="robots" content="noindex">', "ok"),
    ('<meta data-name="robots" data-content="noindex">', "ok"),
    ('<meta name="tdm-reservation" content="0">', "ok"),
    ('<meta name="tdm-reservation" content="yes">', "ok"),
    ('<meta name="description" content="noai">', "ok"),
    ('<!-- <meta name="robots" content="noindex"> -->', "ok"),
    ('<script>var s=\'<meta name="robots" content="noindex">\';</script>', "ok"),
    ("<style><meta name=robots content=noindex></style>", "ok"),
    ("<title><meta name=robots content=noindex></title>", "ok"),
    ("<textarea><meta name=robots content=noindex></textarea>", "ok"),
    ("<template><meta name=robots content=noindex></template>", "ok"),
    ("<iframe><meta name=robots content=noindex></iframe>", "ok"),
    ("<noframes><meta name=robots content=noindex></noframes>", "ok"),
    ("</head><body><pre>&lt;meta name=robots content=noindex></pre>", "ok"),
    ("</head><body><meta name=robots content=noindex>", "ok"),
]


@pytest.mark.parametrize(("markup", "outcome"), METAS)
def test_the_head_of_a_page(markup: str, outcome: str) -> None:
    page = f"<!doctype html><html><head>{markup}</head><body>{WORDS}</body></html>"
    assert judged(page).outcome == outcome
    assert judged(page, encoding="utf-16").outcome == outcome  # with its byte order mark


def test_a_page_without_tags_of_its_head() -> None:
    assert judged("<title>A</title><meta name=robots content=noai><p>b").outcome == "opt_out_noai"
    assert judged("<title>A</title><p>b<meta name=robots content=noai>").outcome == "ok"


@pytest.mark.parametrize(
    ("header", "meta", "reserved"),
    [("1", "", True), ("1", "0", False), ("0", "1", True), (" 1 ", "", True), ("2", "", False)],
)
def test_a_reservation_in_the_page_stands_above_the_header(
    header: str, meta: str, reserved: bool
) -> None:
    head = f"<head><meta name=tdm-reservation content={meta}></head>" if meta else ""
    found = judged(head + WORDS, ("TDM-Reservation", header))
    assert (found.outcome == "opt_out_tdm") is reserved


def test_what_was_seen_and_where_is_told() -> None:
    found = judged(WORDS, ("Content-Usage", "train-ai=y"))
    assert found.preference == Preference("ok", "train-ai=y", "header Content-Usage")
    found = judged(
        "<head><meta name=robots content=noai></head>", ("Content-Signal", "ai-train=yes")
    )
    assert found.preference == Preference("opt_out_noai", "noai", "meta robots")
    assert found.error == "meta robots: noai"
    assert judged(WORDS).preference is None


def test_what_is_said_to_others_may_be_left_aside() -> None:
    page = "<head><meta name=GPTBot content=noindex></head>"
    assert judged(page).outcome == "opt_out_ai_agents"
    assert judged(page, respect_ai_opt_out=False).outcome == "ok"


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("train-ai=n", False),
        ("train-ai=y", True),
        ("train-ai=n, train-ai=y", True),  # of one key the last counts (RFC 9651, 3.2)
        ("search=y", None),
        ("", None),
        # Values that are no `y` and no `n` say nothing, nor does what does not parse.
        ("train-ai", None),
        ("train-ai=?0", None),
        ('train-ai="n"', None),
        ("train-ai=(n)", None),
        ("Train-AI=n", None),
        ("train-ai=n,", None),
        ("train-ai=\u00f1", None),
        # Labels of earlier drafts: the narrower category decides.
        ("train-genai=n", False),
        ("train-ai=y, train-genai=n", False),
        ("bots=n", False),
        ("bots=n, train-ai=y", True),
        ("all=n", False),
        ("tdm=n, ai=y", True),
        ("ai=n", False),
        ("genai=n, tdm=y", False),
    ],
)
def test_content_usage(value: str, allowed: bool | None) -> None:
    found = usage_preference(value, "robots.txt")
    assert (None if found is None else not found.refuses) == allowed


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("ai-train=no", False),
        ("search=yes,ai-train=no", False),
        ("AI-Train = No", False),
        ("ai-train=yes", True),
        ("search=yes, ai-input=no", None),
        ("search=yes,use=reference", False),
        ("use=full", None),
        ("ai-train=no, ai-train=yes", False),
        ("ai-train=perhaps", None),
        ("", None),
    ],
)
def test_content_signal(value: str, allowed: bool | None) -> None:
    found = signal_preference(value, "robots.txt")
    assert (None if found is None else not found.refuses) == allowed


#: The example of draft-ietf-aipref-attach, 3.5, and files as Cloudflare writes them.
ROBOTS = [
    ("train-ai=n", "/test", "opt_out_content_usage"),
    ("train-ai=n\nContent-Usage: /news/ train-ai=y", "/news/1", "ok"),
    ("/news/ train-ai=n\nContent-Usage: train-ai=y", "/news/1", "opt_out_content_usage"),
    ("/news/ train-ai=n", "/other", None),
    ("/news/*.html$ train-ai=n", "/news/1.html", "opt_out_content_usage"),
    ("/news/\ttrain-ai=n", "/news/1", "opt_out_content_usage"),
    # Of equal paths the stricter one holds.
    ("/n train-ai=y\nContent-Usage: /n train-ai=n", "/n", "opt_out_content_usage"),
    ("train-ai=y\nContent-Signal: search=yes,ai-train=no", "/", "opt_out_content_signal"),
    ("train-ai=n # why", "/", "opt_out_content_usage"),
]


@pytest.mark.parametrize(("lines", "path", "outcome"), ROBOTS)
def test_usage_in_robots_txt(lines: str, path: str, outcome: str | None) -> None:
    text = f"User-Agent: *\nAllow: /\nContent-Usage: {lines}\n"
    found = list(parse_rules(text.encode(), "webtext").preferences(f"http://a.test{path}"))
    refused = [one.outcome for one in found if one.refuses]
    assert (refused[0] if refused else "ok" if found else None) == outcome


def test_a_group_of_our_own_goes_before_that_of_everyone() -> None:
    text = b"User-agent: *\nContent-Signal: ai-train=no\n\nUser-agent: webtext/2\nAllow: /\n"
    assert not list(parse_rules(text, "webtext").preferences("http://a.test/"))
    assert list(parse_rules(text, "other").preferences("http://a.test/"))


RSL = '<rsl xmlns="https://rslstandard.org/rsl"><content url="{url}">{rest}</content></rsl>'
LICENSES = [
    ("<license><prohibits type='usage'>ai-train</prohibits></license>", False),
    ("<license><prohibits type='usage'>all</prohibits></license>", False),
    ("<license><permits type='usage'>search</permits></license>", False),
    ("<license><permits type='usage'>search ai-train</permits></license>", True),
    ("<license><permits type='usage'>ai-all</permits><payment type='free'/></license>", True),
    ("<license><permits type='usage'>all</permits><payment type='training'/></license>", False),
    (
        "<license><permits type='usage'>train-ai</permits><payment type='subscription'/></license>",
        False,
    ),
    (
        "<license><permits type='usage'>all</permits><permits type='geo'>US</permits></license>",
        False,
    ),
    ("<license><payment type='attribution'/></license>", True),
    (
        "<license><permits type='usage'>all</permits><payment type='purchase'/></license>"
        "<license><permits type='usage'>ai-train</permits></license>",
        True,
    ),
    ("", False),
]


@pytest.mark.parametrize(("rest", "allowed"), LICENSES)
def test_rsl(rest: str, allowed: bool) -> None:
    license_ = read_license(RSL.format(url="/", rest=rest).encode(), "http://a.test")
    assert license_ is not None
    found = license_.preference(URL, "robots.txt License")
    assert found is not None and found.refuses is not allowed


@pytest.mark.parametrize(
    ("address", "speaks"),
    [
        ("/", True),
        ("/news/", True),
        ("/news/*.html$", True),
        ("", True),  # the page itself
        ("http://a.test/news/", True),
        ("/papers/", False),
        ("http://b.test/", False),
    ],
)
def test_an_rsl_licence_speaks_of_addresses(address: str, speaks: bool) -> None:
    rest = "<license><prohibits type='usage'>all</prohibits></license>"
    license_ = read_license(RSL.format(url=address, rest=rest).encode(), "http://a.test")
    assert license_ is not None
    assert (license_.preference(URL, "page") is not None) is speaks


def test_the_longest_address_of_a_licence_decides() -> None:
    rest = "<license><prohibits type='usage'>all</prohibits></license></content>"
    rest += "<content url='/news/'><license><permits type='usage'>all</permits></license>"
    license_ = read_license(RSL.format(url="/", rest=rest).encode(), "http://a.test")
    assert license_ is not None
    found = license_.preference(URL, "page")
    assert found is not None and not found.refuses


@pytest.mark.parametrize(
    "document",
    [b"", b"<html><body>Not found</body></html>", b"\xff\xfe", b"<rsl/>", b"<" * 10_000],
)
def test_what_is_no_rsl_licence(document: bytes) -> None:
    assert read_license(document, "http://a.test") is None


def test_entities_of_a_licence_are_not_followed() -> None:
    document = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    document += b'<rsl><content url="/">&x;</content></rsl>'
    license_ = read_license(document, "http://a.test")
    assert license_ is not None and "root" not in repr(license_)


def test_links_to_licences() -> None:
    values = ['<a.css>; rel=preload, </l.xml>; rel="license"; type="application/rsl+xml"']
    assert list(license_links(values)) == ["/l.xml"]
    page = '<head><link rel="license" type="application/rsl+xml" href="l.xml"></head>'
    settings = PagesSettings(contact="mailto:a@example.org")
    found = screen_body(URL, Headers([HTML]), page.encode(), settings)
    assert found.outcome == "ok" and found.licenses == ("http://a.test/news/l.xml",)
    inline = RSL.format(url="", rest="<license><prohibits type='usage'>all</prohibits></license>")
    page = f'<head><script type="application/rsl+xml">{inline}</script></head>'
    assert judged(page).outcome == "opt_out_rsl"


@pytest.mark.parametrize(
    ("file", "reserved"),
    [
        (b'[{"location": "/", "tdm-reservation": 1}]', True),
        (b'[{"location": "/", "tdm-reservation": "1"}]', True),
        (b'[{"location": "/", "tdm-reservation": 0}]', False),
        (b'[{"location": "/papers/*", "tdm-reservation": 1}]', True),
        (b'[{"location": "/*.pdf$", "tdm-reservation": 1}]', False),
        # The first that matches counts.
        (
            b'[{"location": "/papers/", "tdm-reservation": 0}, '
            b'{"location": "/", "tdm-reservation": 1}]',
            False,
        ),
        (b'{"location": "/", "tdm-reservation": 1}', True),  # one rule that is in no array
        (b'\xef\xbb\xbf[{"location": "/", "tdm-reservation": true}]', True),
        (b'[1, null, {"location": 5}, {"tdm-reservation": 1}]', False),
        (b'[{"location": "/\\nDisallow: /", "tdm-reservation": 1}]', True),
        (b"", False),
        (b"\xff\xfe", False),
        (b"[" * 100_000, False),
    ],
)
def test_tdmrep_json(file: bytes, reserved: bool) -> None:
    found = parse_reservations(file).preference("http://a.test/papers/1.html")
    assert (found is not None and found.refuses) is reserved


def test_the_table_of_ai_agents() -> None:
    names = [product(agent.name) for agent in AGENTS]
    assert len(names) == len(set(names)) >= 40
    for agent in AGENTS:
        assert date(2024, 3, 27) <= date.fromisoformat(agent.listed) <= date(2026, 8, 22)
        assert "." in agent.source and agent.operator


@pytest.mark.parametrize(
    ("name", "token"),
    [("GPTBot", "gptbot"), ("GPTBot/1.0", "gptbot"), ("Brightbot 1.0", "brightbot"),
     ("Kangaroo Bot", "kangaroo bot"), (" CCBot/2.0 (x) ", "ccbot"), ("*", "*")],
)  # fmt: skip
def test_a_name_with_its_version_is_the_name(name: str, token: str) -> None:
    assert product(name) == token


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("0; url=http://a.test/b", "http://a.test/b"),
        ("5;URL='/x y'", "/x y"),
        ('10; url="/q" rest', "/q"),
        ("3, /y", "/y"),
        ("0;/z", "/z"),
        (" 1.5 ; url = /w ", "/w"),
        ("0", ""),
        ("300; url=/later", ""),
        ("soon; url=/x", ""),
        ("", ""),
    ],
)
def test_refresh(value: str, target: str) -> None:
    assert refresh_target(value, 10.0) == target


def test_a_refresh_for_browsers_without_scripts_is_none() -> None:
    page = '<head>{}<meta http-equiv=Refresh content="0;url=/b">{}</head>'
    assert read_head(page.format("", "")).refresh == "0;url=/b"
    assert read_head(page.format("<noscript>", "</noscript>")).refresh == ""
    assert read_head(page.format("<!--", "-->")).refresh == ""


@given(st.lists(st.sampled_from(
    ["<head>", "</head>", "<body>", "<script>", "</script>", "<!--", "-->", "<meta name=robots",
     " content=noai>", "<template>", "</template>", "'", '"', "<textarea>", "robots", "\0", "é"]
), max_size=30))  # fmt: skip
def test_any_markup_is_read(pieces: list[str]) -> None:
    assert isinstance(read_head("".join(pieces)), PageHead)


def test_hostile_markup_comes_to_an_end() -> None:
    """Where a search were quadratic, the test run's time-out would tell."""
    for piece in (
        "<meta ",
        "<meta name=robots ",
        '<meta content="',
        "<!-- </head>",
        "<script><body>",
    ):
        assert read_head(piece * 50_000).refresh == ""
    assert judged(WORDS, ("X-Robots-Tag", "a:" * 50_000)).outcome == "ok"
