"""Lists of addresses as their makers leave them: every format, with names or without."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.links.delimited import Columns, delimiter_of, records, told_columns
from pipeline.links.json_list import array_rows
from pipeline.links.list_row import row_mentions
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.records import BadLineError
from pipeline.links.sources import SourceItem
from pipeline.links.url_list import UrlList
from pipeline.store.addresses import canonical_key
from pipeline.store.errors import WebtextError

from .test_links_stage import run, table

CHOSEN = None  # no score: someone chose the address


def read(path: Path, data: bytes) -> tuple[dict[str, int | None], dict[str, int]]:
    """(host -> score, numbers) of a list with these bytes."""
    path.write_bytes(data)
    folder = path.parent / f"{path.name}.links"
    source = UrlList(kind="urls", path=str(path))
    unit = SourceUnit(SourceItem(source, str(path), "path"), 0, str(folder), "key", over_18=False)
    parts = read_source(unit)
    rows = [
        row
        for part in parts
        if part.file and "mentions" in part.file.name
        for row in pq.read_table(folder / part.file.name).to_pylist()
    ]
    return {row["host"].removesuffix(".org"): row["score"] for row in rows}, parts[-1].extra


TITLE = 'A "title", with\nlines, and ""quotes""'
WAYBACK = "org,a)/ 20240105000000 https://a.org/ text/html 200 ABC 123\n"
CDX = f""" CDX N b a m s k r M S V g
{WAYBACK.strip()}
org,b)/ 20240105000000 https://b.org/x.png image/png 200 ABC 123
org,c)/ 20240105000000 https://c.org/ text/html 301 ABC 123
org,d)/ 20240105000000 https://d.org/ warc/revisit - ABC 123
"""
CDXJ = (
    'org,a)/ 20240105000000 {"url": "https://a.org/", "mime": "text/html", "status": "200"}\n'
    'org,b)/ 20240105000000 {"url": "https://b.org/", "mime": "unk", "mime-detected": '
    '"application/pdf", "status": "200"}\norg,c)/ 20240105000000 {"url": "https://c.org/s.css", '
    '"mime": "text/css", "status": "200"}\n'
)
#: What Common Crawl's index server answers.
INDEX = (
    '{"urlkey": "org,a)/", "timestamp": "20240105000000", "url": "https://a.org/", '
    '"mime": "text/html", "status": "200"}\n{"urlkey": "org,b)/", "timestamp": "20240105000000", '
    '"url": "https://b.org/", "mime": "text/html", "status": "404"}\n'
)
#: OpenWebText2's own list, its scrapes, and lm_dataformat's oldest form.
OWT2 = {
    "text": "https://a.org/",
    "meta": {
        "id": [1, 46655],
        "score": [2, 3],
        "title": ["t", "u"],
        "subreddit": ["x", "y"],
        "created_utc": ["2012-01-02T03:04:05", "2012-02-02T03:04:05"],
    },
}
SCRAPE = {
    "text": "A page, with https://in.the.text/ of it.",
    "meta": {"url": "https://a.org/", "lang": "en", "reddit_id": [7], "reddit_score": [9]}
    | {"subreddit": ["x"], "reddit_created_utc": ["2012-01-02T03:04:05"]},
}
LISTS: list[tuple[str, bytes, dict[str, int | None], int]] = [  # name, content, scores, bad lines
    ("a.txt", b"\xef\xbb\xbfhttps://a.org/\n# x\n\nhttps://b.org/\t7\r\n", {"a": None, "b": 7}, 0),
    ("a.txt", "https://a.org/\nhttps://b.org/\t7\n".encode("utf-16"), {"a": None, "b": 7}, 0),
    ("a.lst", b"https://a.org/x,y\nhttps://b.org/;z", {"a": None, "b": None}, 0),
    ("a.tsv", b"https://a.org/\t1\t2024-01-05\nhttps://b.org/\tmany\n", {"a": 1}, 1),
    ("a.tsv", b"url\tscore\nhttps://a.org/\t3\n", {"a": 3}, 0),
    ("a.tsv", b'"url"\t"karma"\n"https://a.org/"\t"3"\n', {"a": 3}, 0),
    ("a.tsv", b'https://a.org/\t3\t\nhttps://b.org/\t"4"\t2024-01-05\n', {"a": 3, "b": 4}, 0),
    (
        "a.tsv",  # the order of OpenWebText2's table, without names
        b"1abc\thttps://a.org/\t12\tIt's 5\" wide\tpics\t1356998400\n"
        b"1abd\thttps://b.org/\t-3\t2012 in review\tpics\t1356998401\n",
        {"a": 12, "b": -3},
        0,
    ),
    ("a.tsv", b"5\thttps://a.org/\n12\thttps://b.org/\n", {"a": 5, "b": 12}, 0),
    ("a.tsv", b"id\tvotes\tsite\nx\t9\thttps://a.org/\n", {"a": 9}, 0),
    ("a.csv", b"https://a.org/,4,2024-01-05\nhttps://b.org/,,\n", {"a": 4, "b": None}, 0),
    ("a.csv", b"score;url\r\n5;https://a.org/?x=1,2\r\n", {"a": 5}, 0),
    ("a.csv", b'T,URL,Karma\n"a,\n""b""",https://a.org/,5\nc,http://b.org', {"a": 5, "b": None}, 0),
    ("a.csv", b'title,url,score\n"no end,https://a.org/,5\nb,https://b.org/,6\n', {"b": 6}, 1),
    ("a.csv", b'url,t\nhttps://a.org/,"no end\nhttps://b.org/,y\nhttps://c.org/,z\n',
     dict.fromkeys("bc"), 1),
    ("a.csv", b"url;score;date\nhttps://a.org/;5,0;05.01.2024\n", {"a": 5}, 0),
    ("a.txt", b"https://a.org/,7\nhttps://b.org/,8,2024-01-05\n", {"a": 7, "b": 8}, 0),
    ("a.txt", b"https://a.org/;7\nhttps://b.org/;8\n", {"a": 7, "b": 8}, 0),
    ("a.jsonl", b'{"URL":"https://a.org/","Score":"1.2k"}\n', {"a": 1_200}, 0),
    ("a.jsonl", b'["https://a.org/",5]\n["https://b.org/",6,"5 Jan 2024"]\n', {"a": 5, "b": 6}, 0),
    ("a.csv", b"title,url\ncaf\xe9,https://a.org/\n,https://b.org/\xe9\n", {"a": None}, 1),
    ("a.csv", b"url,title\nhttps://a.org/,\0\n", {"a": None}, 0),
    ("a.csv", b"url,score\rhttps://a.org/,3\rhttps://b.org/,4", {"a": 3, "b": 4}, 0),
    ("a.tsv", b'x\turl\n"Oh\thttps://a.org/\n"Ah" it\thttps://b.org/', {"a": None, "b": None}, 0),
    ("a.csv", b'sep=;\r\n"URL";"Karma"\r\n"https://a.org/";"5"\r\n', {"a": 5}, 0),
    ("a.csv", b'id,t,url,score\n1,"a \\"q\\" b, c",https://a.org/,3\n', {"a": 3}, 0),
    ("a.csv", b"url,karma\nhttps://a.org/,None\nhttps://b.org/,nan", dict.fromkeys("ab"), 0),
    ("a.csv", b'url,karma\nhttps://a.org/,"1,234"\n', {"a": 1_234}, 0),
    ("a.txt", b"url,score\nhttps://a.org/,5\n", {"a": 5}, 0),
    ("a.txt", b"   7 https://a.org/\n  12 https://b.org/\n", {"a": 7, "b": 12}, 0),
    ("a.txt", b"https://a.org/ 7\nhttps://b.org/ 8\n", {"a": 7, "b": 8}, 0),
    ("a.txt", b"https://a.org/a 1\nhttps://b.org/b b\n", dict.fromkeys("ab"), 0),
    ("a.jsonl", b'{"url":"https://a.org/","score":4}\n{"no":1}\n[1]\n', {"a": 4}, 2),
    ("a.jsonl", b'{"url":"https://a.org/","x":NaN,"y":"\\ud83d","z":"\xff"}', {"a": None}, 0),
    ("a.jsonl", b'{"url":"https://a.org/\\ud83d"}\n"https://b.org/"\n', {"b": None}, 1),
    ("urls_0.jsonl.zst", zstandard.compress(json.dumps(OWT2).encode()), {"a": 3}, 0),
    ("scrapes_0.jsonl.zst", zstandard.compress(json.dumps(SCRAPE).encode()), {"a": 9}, 0),
    ("a.json", b'\n [ {"url": "https://a.org/"},\n "https://b.org/", 7 ]', dict.fromkeys("ab"), 1),
    ("a.json", b'[["urlkey","original","score"],["k","https://a.org/","3"]]', {"a": 3}, 0),
    ("a.json", b'{"url":"https://a.org/"}\n{"url":"https://b.org/"}\n', {"a": None, "b": None}, 0),
    ("a.cdx", CDX.encode(), {"a": None, "d": None}, 0),
    ("a.cdx", WAYBACK.encode() + b"org,x)/ 20240105000000 \n", {"a": None}, 1),
    ("cdx-00000.gz", gzip.compress(CDXJ.encode(), mtime=0), {"a": None, "b": None}, 0),
    ("a.cdxj", b"!OpenWayback-CDXJ 1.0\n" + CDXJ.encode(), dict.fromkeys("ab"), 0),
    ("a.json", INDEX.encode(), {"a": None}, 0),
    ("a.xz", lzma.compress(b"https://a.org/\n"), {"a": None}, 0),
    ("named.txt", gzip.compress(b"https://a.org/\n", mtime=0), {"a": None}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "scores", "bad"), LISTS)
def test_lists(
    tmp_path: Path, name: str, data: bytes, scores: dict[str, int | None], bad: int
) -> None:
    got, numbers = read(tmp_path / name, data)
    assert got == scores
    assert numbers["bad_lines"] == bad


def test_archives_are_lists_of_their_pages(tmp_path: Path) -> None:
    def record(kind: str, url: str, status: str, media: str) -> bytes:
        block = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n\r\nx".encode()
        head = (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: <{url}>\r\n"
            f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\n"
            f"WARC-Date: 2024-01-05T00:00:00Z\r\nContent-Type: application/http\r\n"
            f"Content-Length: {len(block)}\r\n\r\n"
        )
        return gzip.compress(head.encode() + block + b"\r\n\r\n")

    whole = [
        record("request", "https://r.org/", "200 OK", "text/html"),
        record("response", "https://a.org/", "200 OK", "text/html; charset=utf-8"),
        record("response", "https://b.org/x.jpg", "200 OK", "image/jpeg"),
        record("response", "https://c.org/", "404 Not Found", "text/html"),
        record("response", "https://d.org/", "200 OK", ""),
        record("revisit", "https://e.org/", "200 OK", "text/html"),
    ]
    got, numbers = read(tmp_path / "a.warc.gz", b"".join(whole))
    assert got == dict.fromkeys("ade")
    assert (numbers["lines"], numbers["captures_no_page"]) == (5, 2)
    plain = b"".join(gzip.decompress(one) for one in whole)
    assert read(tmp_path / "a.warc", plain)[0] == dict.fromkeys("ade")
    with zipfile.ZipFile(tmp_path / "packed", "w") as packed:
        packed.writestr("archive/a.warc.gz", b"".join(whole))
    wacz = (tmp_path / "packed").read_bytes()
    assert read(tmp_path / "a.wacz", wacz)[0] == dict.fromkeys("ade")
    with pytest.raises(WebtextError, match=r"a\.zip is a zip archive"):
        read(tmp_path / "a.zip", wacz)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nx"
    arc = (
        b"filedesc://a.arc 0.0.0.0 20240105000000 text/plain 12\n1 0 webtext\n\n",
        b"https://a.org/ 192.0.2.1 20240105000000 text/html %d\n%s\n" % (len(answer), answer),
    )
    packed_arc = b"".join(map(gzip.compress, arc))
    assert read(tmp_path / "a.arc.gz", packed_arc)[0] == {"a": None}


def test_addresses_as_lists_write_them() -> None:
    (found,) = row_mentions({"url": "<https://a.org/?b=1&amp;c=2>"})
    assert found.url == "https://a.org/?b=1&c=2"


def test_posts_of_openwebtext2_are_posts_that_rules_count(tmp_path: Path) -> None:
    (tmp_path / "urls_0.jsonl").write_text(json.dumps(OWT2) + "\n")
    source = {"kind": "urls", "path": f"{tmp_path}/urls_0.jsonl"}
    manifest = run(tmp_path, [source], karma_rule="sum", kinds=["post"], min_karma=5)
    (link,) = table(tmp_path)
    assert (link["karma"], link["first_seen"]) == (5, 1325473445)
    assert [(m["kind"], m["reddit_id"], m["subreddit"], m["score"]) for m in link["mentions"]] == [
        ("post", "t3_1", "x", 2),
        ("post", "t3_zzz", "y", 3),
    ]
    assert manifest.counts.kept == 1


def test_tables_and_files_that_are_none(tmp_path: Path) -> None:
    rows = pa.table({"link": ["https://a.org/", None], "karma": [None, 3], "odd": [b"x", b"y"]})
    pq.write_table(rows, tmp_path / "table")
    got, numbers = read(tmp_path / "again.parquet", (tmp_path / "table").read_bytes())
    assert (got, numbers["bad_lines"]) == ({"a": None}, 1)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "table")
    with pytest.raises(WebtextError, match=r"t\.parquet has no column `url`.*It has: x"):
        read(tmp_path / "t.parquet", (tmp_path / "table").read_bytes())
    with pytest.raises(WebtextError, match=r"a\.json is no whole JSON array"):
        read(tmp_path / "a.json", b'["https://a.org/", {"cut')
    with pytest.raises(WebtextError, match=r"a\.txt: not one of 2 lines is a record"):
        read(tmp_path / "a.txt", b"https://a.org/\tx\nhttps://a.org/\ty\n")
    tar = b"urls.txt".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0")
    with pytest.raises(WebtextError, match=r"a\.jsonl\.tar is a tar archive"):
        read(tmp_path / "a.jsonl.tar", tar)


field = st.text(st.sampled_from("ab ,;\t|\"\n\r'é漢"), max_size=8)
rows = st.lists(st.tuples(field, st.integers(-99, 9_999), field), min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(rows, st.sampled_from(",;\t|"), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_writes_is_read(
    written: list[tuple[str, int, str]], delimiter: str, named: bool, end: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    if named:
        writer.writerow(["title", "url", "score", "flair"])
    urls = [f"https://example.org/{number}" for number in range(len(written))]
    for url, (title, score, flair) in zip(urls, written, strict=True):
        # Without names a title of digits alone could as well be the score.
        writer.writerow([f"t{title}", url, score, f"f{flair}"])
    data = stream.getvalue().encode()
    lines = [(0, line + b"\n") for line in data.split(b"\n")[:-1]]
    assert delimiter_of("a.csv", lines[0][1].decode()) == delimiter or not named
    read_rows = list(records(lines, delimiter))
    assert not [row.error for row in read_rows if row.error]
    columns, header = told_columns([row.fields for row in read_rows])
    assert (columns, header) == (Columns(1, 2, None), named)
    got = [columns.row(row.fields) for row in read_rows[named:]]
    assert [(row["url"], int(row["score"])) for row in got] == [
        (url, score) for url, (_, score, _) in zip(urls, written, strict=True)
    ]
    assert b"".join(row.raw for row in read_rows) == data


@given(
    st.lists(
        st.one_of(
            st.text(max_size=6),
            st.integers(),
            st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        ),
        max_size=6,
    ),
    st.integers(1, 7),
    st.sampled_from([None, 1]),
)
def test_an_array_in_any_pieces(values: list[Any], size: int, indent: int | None) -> None:
    data = json.dumps(values, indent=indent).encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert [row for _, row in array_rows(pieces)] == values


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        {},
        {"url": ""},
        {"url": 7},
        {"url": "https://a.org/", "score": "x"},
        {"url": "https://a.org/", "date": "soon"},
        {"url": "https://a.org/", "score": [1, "x"]},
        {"meta": {"id": [1]}},
    ],
)
def test_rows_that_are_none(row: Any) -> None:
    with pytest.raises(BadLineError):
        row_mentions(row)


def test_a_date_of_a_row() -> None:
    (found,) = row_mentions({"Link": " https://a.org/ ", "timestamp": "2024-01-05"})
    assert (found.url, found.created, found.score) == ("https://a.org/", 1704412800, CHOSEN)


@pytest.mark.parametrize("end", ["]", "\n", "[1]"])
def test_what_stands_behind_an_array(end: str) -> None:
    rows = array_rows([b'["https://a.org/"', b"] ", end.encode()])
    if end.strip():
        with pytest.raises(BadLineError, match="behind its end"):
            list(rows)
    else:
        assert [row for _, row in rows] == ["https://a.org/"]


def test_a_list_of_every_format_through_the_stage(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text('score,url,date\n5,"https://csv.org/a,b",2024-01-05T00:00:00\n')
    deduped = lzma.compress(b"https://openwebtext.org/a\nhttps://openwebtext.org/b\n")
    (tmp_path / "RS_2011-01.bz2.deduped.txt.xz").write_bytes(deduped)
    (tmp_path / "low.txt").write_bytes(
        codecs.BOM_UTF8 + b"https://low.org/\t1\nhttps://x.org/\tmany"
    )
    manifest = run(tmp_path, [{"kind": "urls", "path": f"{tmp_path}/*.*"}])
    found = {row["host"].split(".")[0]: row for row in table(tmp_path)}
    assert set(found) == {"csv", "openwebtext"}
    assert manifest.counts.dropped == {"min_karma": 1}
    assert manifest.extra["bad_lines"] == 1
    assert found["csv"]["key"] == canonical_key("https://csv.org/a,b")
