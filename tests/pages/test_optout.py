"""Opt-outs of a page: who they are for, which counts where several are, and hostile markup."""

from __future__ import annotations

import pytest

from pipeline.pages.optout import header_directives, opted_out
from pipeline.pages.tdmrep import parse_reservations

HEADERS = [
    ("noai", "opt_out_noai"),
    ("NoAI, noimageai", "opt_out_noai"),
    ("noindex, noai", "opt_out_noai"),  # the most telling one
    ("noml", "opt_out_noml"),
    ("none", "opt_out_noindex"),
    ("noarchive", "opt_out_noarchive"),
    ("noimageai", None),  # pictures only
    ("nofollow", None),
    ("webtext: noindex", "opt_out_noindex"),
    ("otherbot: noindex", None),
    ("otherbot: nofollow, noai", None),
    ("otherbot: noindex, webtext: noarchive", "opt_out_noarchive"),
    ("otherbot: noindex\nnoml", "opt_out_noml"),  # two headers
    ("unavailable_after: 25 Jun 2010 15:00:00 PST", None),
    ("max-snippet:20, noai", "opt_out_noai"),
    ("", None),
]


@pytest.mark.parametrize(("value", "outcome"), HEADERS)
def test_x_robots_tag(value: str, outcome: str | None) -> None:
    found = opted_out({"x-robots-tag": value}, b"", "webtext")
    assert (found.outcome if found else None) == outcome


METAS = [
    ('<meta name="robots" content="noai">', "opt_out_noai"),
    ("<META CONTENT='index, NOML' NAME=ROBOTS>", "opt_out_noml"),
    ('<meta name="robots" content="noindex;noarchive">', "opt_out_noindex"),
    ('<meta name="WebText" content="none"/>', "opt_out_noindex"),
    ('<meta name="googlebot" content="noindex">', None),
    ('<meta property="robots" content="noindex">', None),
    ('<meta name="tdm-reservation" content="1">', "opt_out_tdm"),
    ('<meta name="tdm-reservation" content="0">', None),
    ('<meta name="tdm-reservation" content="yes">', None),
    ('<meta name="description" content="noai">', None),
    ("<p>meta name=robots content=noai</p>", None),
]


@pytest.mark.parametrize(("markup", "outcome"), METAS)
def test_meta(markup: str, outcome: str | None) -> None:
    found = opted_out({}, f"<html><head>{markup}</head>".encode(), "webtext")
    assert (found.outcome if found else None) == outcome


@pytest.mark.parametrize(
    ("header", "meta", "reserved"),
    [("1", "", True), ("1", "0", False), ("0", "1", True), (" 1 ", "", True), ("2", "", False)],
)
def test_a_reservation_in_the_page_stands_above_the_header(
    header: str, meta: str, reserved: bool
) -> None:
    head = f"<meta name=tdm-reservation content={meta}>" if meta else ""
    found = opted_out({"tdm-reservation": header}, head.encode(), "webtext")
    assert (found is not None) is reserved


def test_hostile_markup_comes_to_an_end() -> None:
    """Where a search were quadratic, the test run's time-out would tell."""
    for piece in (b"<meta ", b"<meta name=", b"<meta name=robots content=", b'<meta content="'):
        assert opted_out({}, piece * 100_000, "webtext") is None
        assert list(header_directives(piece.decode() * 10_000, "webtext"))


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
        (b'{"location": "/", "tdm-reservation": 1}', False),
        (b'[1, null, {"location": 5}, {"tdm-reservation": 1}]', False),
        (b'[{"location": "/\\nDisallow: /", "tdm-reservation": 1}]', True),
        (b"", False),
        (b"\xff\xfe", False),
        (b"[" * 100_000, False),
    ],
)
def test_tdmrep_json(file: bytes, reserved: bool) -> None:
    assert parse_reservations(file).reserved("http://a.test/papers/1.html") is reserved
