"""Title, date and canonical address, as tables."""

from __future__ import annotations

from datetime import date

import pytest
from selectolax.lexbor import LexborHTMLParser

from pipeline.documents.dating import find_day
from pipeline.documents.extract import extract
from pipeline.documents.head import read_head
from pipeline.documents.page import Extracted
from pipeline.documents.title import find_title

LATEST = date(2026, 1, 31)


def page(head: str, body: str = "<p>text</p>") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


def about(head: str, body: str = "<p>text</p>", url: str = "https://e.org/a") -> Extracted:
    return extract(page(head, body), url, LATEST)


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>A &amp; B</title>", "", "A & B"),
        ("<title>News | The Mill</title>", "<h1>News</h1>", "News"),
        ("<title>The Mill: News</title>", "<h1>News</h1>", "News"),
        ("<title>News of the mill</title>", "<h1>News</h1>", "News of the mill"),
        ("<title>Traits - The Book</title>", "<h1>The Book</h1><h2>Traits</h2>", "Traits"),
        ("<title>Plan | The Book</title>", "<h1><a href='./'>The Book</a></h1>", "Plan | The Book"),
        (
            "<title>Old mills : rivers</title>",
            "<h1><a href='/r/rivers/'>rivers</a></h1>",
            "Old mills : rivers",
        ),
        ("<title>Blog: Old mills</title>", "<h1><a href='/a'>Old mills</a></h1>", "Old mills"),
        ("<title>gitformat-pack(5)</title>", "<h2>git</h2>", "gitformat-pack(5)"),
        ("<title>x</title><meta property='og:title' content='Deals  today'>", "", "Deals today"),
        ("", "<h1></h1><h1>Only here</h1>", "Only here"),
        ("<title>Mill</title>", "<h1>Old wheels</h1>", "Old wheels"),
        ("<title>Mill</title>", "<h1>Mill</h1><h2>Prices</h2>", "Mill"),
        ("<title>Mill</title>", "<h2>Prices</h2>", "Mill"),
        ("<title>Enums¶ — Python</title>", "<h1>Enums<a>¶</a></h1>", "Enums"),
        ("", "", ""),
        (f"<title>{'long ' * 300}</title>", "", ("long " * 300)[:500]),
    ],
)
def test_title(head: str, body: str, title: str) -> None:
    parser = LexborHTMLParser(page(head, body))
    assert find_title(read_head(parser, "https://mill.example/a")) == title


@pytest.mark.parametrize(
    ("head", "body", "url", "day"),
    [
        ("", "", "https://e.org/2019/11/18/x.html", "2019-11-18"),
        ("", "", "https://e.org/2019/13/18/x.html", ""),
        (
            "<meta property='article:published_time' content='2019-11-19T01:02:03Z'>",
            "",
            "",
            "2019-11-19",
        ),
        ("<meta name='DC.date' content='20180730'>", "", "", "2018-07-30"),
        ("<meta name='date' content='Mon, 18 Nov 2019 10:00:00 GMT'>", "", "", "2019-11-18"),
        (
            '<script type="application/ld+json">{"a": [}, "datePublished" : "2020-02-29"}</script>',
            "",
            "",
            "2020-02-29",
        ),
        ("", "<time datetime='2021-05-06'>May</time>", "", "2021-05-06"),
        (
            "",
            "<time datetime='2021-05-06'>x</time><time datetime='2021-05-07'>y</time>",
            "",
            "2021-05-06",
        ),
        (
            "",
            "<time pubdate datetime='2021-05-06'></time><time datetime='2020-01-01'></time>",
            "",
            "2021-05-06",
        ),
        ("", "<span itemprop='datePublished'>Nov. 18, 2019</span>", "", "2019-11-18"),
        ("", "<pre>SELECT '2004-10-19 10:23:54'</pre>", "", ""),
        ("", "", "https://e.org/2023/10/3-questions", ""),
        ("", "", "https://e.org/news/29-10-2021", "2021-10-29"),
        ("<title>Old mills</title>", "<h1>The Mill</h1><p>1 May 2020</p><h2>Old mills</h2>"
         "<p>3 May 2021</p>", "", "2021-05-03"),
        ("", "<h1>Mills</h1><p>Updated 6 May 2022<br>Published 5 May 2021</p>", "", "2021-05-05"),
        ("", "<h1>Mills</h1><p>Last updated: 6 May 2022</p>", "", "2022-05-06"),
        ("<meta property='article:published_time' content='2021-05-03'>",
         "<h1>Mills</h1><div class=byline>1 May 2019</div><p>On 3 May 2021</p>", "", "2021-05-03"),
        ("<meta property='article:published_time' content='2021-05-03'>",
         "<h1>Mills</h1><div class=byline>4 May 2021</div>", "", "2021-05-04"),
        ("", "<h1>Mills</h1><div class=user>Joined 1 May 2019</div><div class=user><dl><dt>Joined"
         "</dt><dd>1 May 2019</dd></dl></div><time>5 May 2021</time>", "", "2021-05-05"),
        ("", f"<p>{'All of it. ' * 20}This entry was posted on Monday, 3 May 2021 at 5 pm.</p>",
         "", "2021-05-03"),
        ("", f"<p>3.5.2021 – {'All of it. ' * 30}</p>", "", "2021-05-03"),
        ("", f"<p>On 3 May 2021 the mill burned. {'All of it. ' * 30}</p>", "", ""),
        ("", '<script>var x = "{\\"publishedAt\\":\\"2021-05-03T10:00Z\\"}"</script>', "",
         "2021-05-03"),
        ("<meta property='og:updated_time' content='2021-05-03'>", "", "", "2021-05-03"),
        ("", "<p>03/05/2021</p>", "https://mill.co.uk/a", "2021-05-03"),
        ("", "<p>03/05/2021</p>", "https://mill.com/a", "2021-03-05"),
        ("<meta name='date' content='2026-02-01'>", "", "", ""),
        ("<meta name='date' content='1970-01-01'>", "", "", ""),
    ],
)  # fmt: skip
def test_date(head: str, body: str, url: str, day: str) -> None:
    assert about(head, body or "<p>text</p>", url).date == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019-11-18", "2019-11-18"),
        ("2019/1/8", "2019-01-08"),
        ("2019-02-30", ""),
        ("November 18th, 2019", "2019-11-18"),
        ("18 Nov 2019", "2019-11-18"),
        ("18. 11. 2019", "2019-11-18"),
        ("18 | 11 | 2019", "2019-11-18"),
        ("الأربعاء 18 تشرين / نوفمبر 2019", "2019-11-18"),
        ("18 Νοεμβρίου 2019", "2019-11-18"),
        ("yesterday", ""),
        ("", ""),
        ("9" * 400, ""),
    ],
)
def test_days(text: str, day: str) -> None:
    found = find_day(text, LATEST)
    assert (found.isoformat() if found else "") == day


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("<link rel='canonical' href='/b'>", "https://e.org/b"),
        ("<link rel='nofollow CANONICAL' href='http://other.org/x?y=1'>", "http://other.org/x?y=1"),
        (
            "<link rel='canonical' href='http://['><link rel='canonical' href='/c'>",
            "https://e.org/c",
        ),
        ("<link rel='canonical' href='javascript:alert(1)'>", ""),
        ("<link rel='stylesheet' href='/b'>", ""),
        ("<link rel='canonical'>", "https://e.org/a"),
    ],
)
def test_canonical(link: str, canonical: str) -> None:
    assert about(link).canonical == canonical
