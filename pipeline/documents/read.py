"""The pages of a unit from their archives, in order, decompressed within a limit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pipeline.store import files
from pipeline.store.archives import read_responses
from pipeline.store.content_coding import BadEncodingError, TooLargeError, unpack
from pipeline.store.errors import WebtextError

#: A row of a fetch table (`unit.FETCH_COLUMNS`).
Fetch = dict[str, Any]


def read_pages(
    folder: str, fetches: list[Fetch], max_bytes: int
) -> Iterator[tuple[Fetch, bytes, str]]:
    """(fetch, body, outcome) of each fetch; the outcome is empty where there is a body.

    `fetches` are sorted by archive and offset; archives with plain names lie in `folder`.
    Raises WebtextError for an archive that is missing, cut or not the one that was indexed.
    """
    for archive, rows in groupby(fetches, key=lambda fetch: str(fetch["warc_file"])):
        listed = list(rows)
        path = archive_path(folder, archive)
        responses = read_responses(path, [fetch["warc_offset"] for fetch in listed])
        for fetch, response in zip(listed, responses, strict=True):
            _refuse_other(fetch, response.body, archive, response.offset)
            label = response.headers.joined("content-encoding")
            try:
                yield fetch, unpack(response.body, label, max_bytes).data, ""
            except TooLargeError:
                yield fetch, b"", "too_large"
            except BadEncodingError:
                yield fetch, b"", "bad_encoding"


def _refuse_other(fetch: Fetch, body: bytes, archive: str, offset: int) -> None:
    """The body must be the one that was fetched: an archive may be cut or exchanged since."""
    digest = fetch["digest"]
    if digest and hashlib.sha256(body).hexdigest() != digest:
        raise WebtextError(
            f"{archive}: the page at byte {offset:,} is not the one that was indexed",
            "The archive is cut or was changed: bring it back, or build the pages stage again",
        )


def archive_path(folder: str, archive: str) -> str:
    """Where an archive lies: beside its fetch table, unless it has a path of its own."""
    if archive.startswith("/") or files.is_remote(archive):
        return archive
    return files.join(folder, archive)
