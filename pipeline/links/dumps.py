"""Reddit's dumps: one JSON object a line, in zst, xz, bz2 or plain files, of any year.

Lines are split as bytes and decoded one by one, so that a broken character costs
one line.  A truncated zst file ends without an error of its own in most readers;
here the frame must be complete.  Fields differ by year: `created_utc` is a string
in 2014 and 2015, `url` may be null, `name` may be missing (arctic_shift's schemas).
"""

from __future__ import annotations

import bz2
import html
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import orjson
import zstandard

from pipeline import files
from pipeline.errors import WebtextError
from pipeline.links.markdown import links_in

_PIECE = 1 << 20  # bytes read at once
_WINDOW = 1 << 31  # dumps since 2018 use zstd's longest window
_LONGEST_LINE = 64 << 20  # bytes; a line beyond this is no record of Reddit


@dataclass(frozen=True)
class Mention:
    """One link in one post or comment."""

    url: str
    kind: str
    reddit_id: str
    subreddit: str
    score: int
    created: int


class BadLineError(ValueError):
    """A line that is no record."""


def pieces(path: str) -> Iterator[bytes]:
    """The decompressed bytes of a dump, in pieces; WebtextError where it is cut or damaged."""
    with files.open_read(path) as stream:
        try:
            if path.endswith(".zst"):
                yield from _zst_pieces(stream, path)
            elif path.endswith(".xz"):
                with lzma.LZMAFile(stream) as unpacked:
                    yield from _read_all(unpacked)
            elif path.endswith(".bz2"):
                with bz2.BZ2File(stream) as unpacked_bz2:
                    yield from _read_all(unpacked_bz2)
            else:
                yield from _read_all(stream)
        except (EOFError, lzma.LZMAError, zstandard.ZstdError, OSError, zlib.error) as error:
            raise _damaged(path, f"at byte {stream.tell():,}: {error}") from error


def _read_all(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _zst_pieces(stream: IO[bytes], path: str) -> Iterator[bytes]:
    decompressor, rest, begun = _new_zst(), b"", False
    while piece := rest or stream.read(_PIECE):
        rest, begun = b"", True
        yield decompressor.decompress(piece)
        if decompressor.eof:  # the next frame of the file, if any
            rest, begun = decompressor.unused_data, False
            decompressor = _new_zst()
    if begun:
        raise _damaged(path, f"its last zstd frame is cut at byte {stream.tell():,}")


def _new_zst() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()


def _damaged(path: str, how: str) -> WebtextError:
    return WebtextError(
        f"{path} is cut or damaged: {how}", "Fetch the file again and compare its size or checksum"
    )


def lines(path: str) -> Iterator[tuple[int, bytes]]:
    """(offset in the decompressed file, line without its end) for each line that is not empty."""
    offset, rest = 0, b""
    for piece in pieces(path):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield offset, line
            offset += len(line) + 1
        if len(rest) > _LONGEST_LINE:
            raise WebtextError(
                f"{path} has a line of more than {_LONGEST_LINE >> 20} MiB at byte {offset:,}",
                "Is it a dump with one JSON object a line?",
            )
    if rest.strip():
        yield offset, rest


def may_link(line: bytes) -> bool:
    """False for a line that certainly holds no address: most comments are turned away here."""
    return b"ttp" in line or b"TTP" in line or b"www." in line or b"WWW." in line


def post_mentions(line: bytes, over_18: bool) -> Iterator[Mention]:
    """The links of one submission: its own address and those in its self text.

    Raises BadLineError for a line that is no submission.
    """
    row = _record(line)
    if row.get("promoted") or (row.get("over_18") and not over_18):
        return
    stamp = _stamp(row, "t3_")
    if not row.get("is_self"):
        url = row.get("url_overridden_by_dest") or row.get("url")
        if isinstance(url, str) and url:
            yield Mention(html.unescape(url), "post", *stamp)
    for url in links_in(_text(row.get("selftext"))):
        yield Mention(url, "selftext", *stamp)


def comment_mentions(line: bytes) -> Iterator[Mention]:
    """The links of one comment.  Raises BadLineError for a line that is no comment."""
    row = _record(line)
    stamp = _stamp(row, "t1_")
    if row.get("score_hidden"):
        return
    for url in links_in(_text(row.get("body"))):
        yield Mention(url, "comment", *stamp)


def _record(line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLineError(str(error)) from None
    if not isinstance(row, dict):
        raise BadLineError("not a JSON object")
    return row


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _stamp(row: dict[str, Any], prefix: str) -> tuple[str, str, int, int]:
    """(full name, subreddit, score, time); what cannot be read makes a bad line."""
    try:
        return (
            prefix + str(row["id"]),
            str(row.get("subreddit") or ""),
            int(row["score"]),
            int(float(row["created_utc"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadLineError(f"{type(error).__name__}: {error}") from None
