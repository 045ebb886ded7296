"""Makes the sample from an archive of documentation pages.

Run as `python -P -m pipeline.sample.make WARC`.
Pages are chosen by hash from three sites with permissive licences.  The posts
that link to them are made up: their text, scores and dates follow from hashes.
They show what real dumps hold: links in posts, self texts and comments, `&amp;`
and trackers, http and www variants, posts below the karma, null urls, media and
Wikipedia links, dead links, and pages that a mirror serves a second time.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipeline.sample import COMMENTS, PAGES, POSTS

#: Pages taken of each site.
SITES = {"www.postgresql.org": 160, "docs.python.org": 120, "www.sqlite.org": 140}
MIRROR = "mirror.example"  # a host that can never exist (RFC 2606)
MIRRORED = 14
DEAD = 9
NOISE = 60
FIRST_SECOND = 1_704_067_200  # 2024-01-01T00:00:00Z
MONTH = 31 * 86_400  # seconds
#: Scores dealt out by hash; four in five reach the 3 karma of WebText.
SCORES = (1, 2, 3, 3, 4, 5, 7, 9, 13, 21, 40, 85, 160, 420, 3100)
SUBREDDITS = ("programming", "Python", "PostgreSQL", "sqlite", "learnprogramming", "linux")


def number(*parts: object) -> int:
    """A number that follows from `parts` alone."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest())


def read_pages(archive: Path) -> dict[str, bytes]:
    """{address: body} of the response records of the three sites."""
    pages = {}
    with archive.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            url = record.headers["WARC-Target-URI"]
            if url.split("/")[2] in SITES:
                pages[url] = record.reader.read()
    return pages


def choose(pages: dict[str, bytes]) -> list[str]:
    """The addresses of the sample, chosen by hash among pages that are not tiny or huge."""
    chosen = []
    for site, wanted in SITES.items():
        of_site = [u for u, b in pages.items() if u.split("/")[2] == site]
        fit = [u for u in of_site if 6_000 < len(pages[u]) < 120_000 and "releaselog" not in u]
        chosen += sorted(fit, key=lambda url: number("page", url))[:wanted]
    return sorted(chosen)


def mirrored(chosen: list[str]) -> dict[str, str]:
    """{address at the mirror: original address} for pages that are served twice."""
    originals = sorted(chosen, key=lambda url: number("mirror", url))[:MIRRORED]
    return {f"https://{MIRROR}/{url.split('://')[1]}": url for url in originals}


def write_archive(pages: dict[str, bytes], chosen: list[str]) -> None:
    """Writes the pages, and the mirror's copies, as WARC responses, one gzip member a record."""
    copies = mirrored(chosen)
    with PAGES.open("wb") as out:
        for url in sorted([*chosen, *copies]):
            body = pages[copies.get(url, url)]
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            block = head.encode() + body
            record = (
                "WARC/1.1\r\nWARC-Type: response\r\n"
                f"WARC-Record-ID: <urn:uuid:{_uuid(url)}>\r\n"
                f"WARC-Target-URI: {url}\r\nWARC-Date: 2026-11-23T00:00:00Z\r\n"
                "Content-Type: application/http; msgtype=response\r\n"
                f"Content-Length: {len(block)}\r\n\r\n"
            )
            # No time in the gzip header: the same pages give the same file.
            out.write(gzip.compress(record.encode() + block + b"\r\n\r\n", 9, mtime=0))


def _uuid(url: str) -> str:
    raw = hashlib.blake2b(url.encode(), digest_size=16).hexdigest()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"


def posts_and_comments(
    pages: dict[str, bytes], chosen: list[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The made-up month: every page is linked to once or more."""
    dead = [f"https://www.postgresql.org/docs/15/no-such-page-{i}.html" for i in range(DEAD)]
    posts: list[dict[str, Any]] = list(_noise())
    comments: list[dict[str, Any]] = []
    for url in [*chosen, *mirrored(chosen), *dead]:
        title = _title(pages.get(url, b"")) or "Worth reading"
        for again in range(1 + (number("again", url) % 5 == 0)):
            link = _variant(url, number("variant", url, again))
            kind = number("kind", url, again) % 5
            if kind < 3:
                posts.append(_post(url, again, title, link, ""))
            elif kind == 3:
                text = f"I found [{title}]({link}) and it answered my question."
                posts.append(_post(url, again, title, "", text))
            else:
                comments.append(_comment(url, again, f"See {link} for the details."))
    by_time = lambda row: (row["created_utc"], row["id"])  # noqa: E731
    return sorted(posts, key=by_time), sorted(comments, key=by_time)


def _title(body: bytes) -> str:
    match = re.search(rb"<title>(.*?)</title>", body, re.S | re.I)
    text = html.unescape(match[1].decode("utf-8", "replace")) if match else ""
    return " ".join(text.split()).replace("[", "(").replace("]", ")")


def _variant(url: str, dice: int) -> str:
    """The address as people paste it; `&` is escaped as Reddit's dumps have it."""
    if dice % 7 == 0:
        url = url.replace("https://", "http://")
    if dice % 11 == 0:
        url += "?utm_source=reddit&amp;utm_medium=social"
    return url


def _stamp(*parts: object) -> dict[str, Any]:
    dice = number("row", *parts)
    return {
        "id": f"{dice % 36**6:06x}{dice % 97:02x}",
        "subreddit": SUBREDDITS[dice % len(SUBREDDITS)],
        "score": SCORES[number("score", *parts) % len(SCORES)],
        "created_utc": FIRST_SECOND + number("time", *parts) % MONTH,
    }


def _post(url: str, repeat: int, title: str, link: str, selftext: str) -> dict[str, Any]:
    row = _stamp(url, repeat)
    permalink = f"/r/{row['subreddit']}/comments/{row['id']}/"
    return row | {
        "name": f"t3_{row['id']}",
        "title": title,
        "over_18": False,
        "permalink": permalink,
        "is_self": not link,
        "selftext": selftext,
        "url": link or f"https://www.reddit.com{permalink}",
        "domain": link.split("/")[2] if link else f"self.{row['subreddit']}",
    }


def _comment(url: str, repeat: int, body: str) -> dict[str, Any]:
    row = _stamp(url, repeat)
    post = f"t3_{number('post', url, repeat) % 36**6:06x}"
    return row | {"link_id": post, "parent_id": post, "body": body}


def _noise() -> Iterator[dict[str, Any]]:
    """Posts of every kind that leads to no page: media, Wikipedia, Reddit itself, no address."""
    addresses = (
        "https://i.redd.it/{}.jpg",
        "https://en.wikipedia.org/wiki/{}",
        "https://www.youtube.com/watch?v={}",
        "https://www.reddit.com/gallery/{}",
    )
    for i in range(NOISE):
        row = _post("noise", i, f"Other {i}", addresses[i % 4].format(f"x{i}"), "")
        yield row | {"url": None, "domain": None} if i % 10 == 0 else row


def write_dump(path: Path, rows: list[dict[str, Any]]) -> None:
    """One JSON object a line, zstd with the long window that Reddit's dumps have."""
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    settings = zstandard.ZstdCompressionParameters.from_level(19, window_log=27, enable_ldm=True)
    path.write_bytes(zstandard.ZstdCompressor(compression_params=settings).compress(data))


def main(archive: Path) -> None:
    """Writes the three files of the sample beside this module."""
    pages = read_pages(archive)
    chosen = choose(pages)
    write_archive(pages, chosen)
    posts, comments = posts_and_comments(pages, chosen)
    write_dump(POSTS, posts)
    write_dump(COMMENTS, comments)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
