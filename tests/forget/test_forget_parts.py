"""Archives in which nothing moves, and later intervals compared with what was left."""

from __future__ import annotations

import random
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

from dedup.intervals import Dedups, document
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from pipeline.pages.erase import erase, filler, pages_of
from pipeline.pages.records import Capture, page_records
from pipeline.sample import PAGES
from pipeline.store.addresses import page_id
from pipeline.store.archives import responses
from pipeline.store.http_answer import Headers
from pipeline.store.warc import record

SIZES = [*range(250, 420), 1_000, 65_600, 65_735, 131_100, 131_101, 131_106, 1_000_000]


def test_a_filler_has_every_length() -> None:
    for size in SIZES:
        inflater = zlib.decompressobj(31)
        said = inflater.decompress(filler(size))
        assert (len(filler(size)), inflater.eof, inflater.unused_data) == (size, True, b"")
        head, _, block = said.partition(b"\r\n\r\n")
        length = int(head.rsplit(b": ", 1)[1])
        assert block == block[:length] + b"\r\n\r\n" and len(block) == length + 4


def test_other_pages_stay_where_they_are(tmp_path: Path) -> None:
    new = str(tmp_path / "new.warc.gz")
    before = {found.offset: found for found in responses(str(PAGES))}
    pages = list(pages_of(str(PAGES)))
    chosen = [pages[0], pages[5], pages[6], pages[-1]]
    gone = {page for one in chosen for page in one.ids}
    assert erase(str(PAGES), new, gone, set()) == 4
    assert Path(new).stat().st_size == PAGES.stat().st_size
    after = {found.offset: found for found in responses(new)}
    assert after == {o: r for o, r in before.items() if o not in {one.start for one in chosen}}
    check = [sys.executable, "-m", "warcio.cli", "check", new]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_body_that_another_page_has_as_well_stays(tmp_path: Path) -> None:
    new = str(tmp_path / "new.warc.gz")
    (tmp_path / "old.warc.gz").write_bytes(archived("a.example/") + archived("b.example/"))
    page, other = pages_of(str(tmp_path / "old.warc.gz"))
    assert erase(str(tmp_path / "old.warc.gz"), new, page.ids, {page.start}) == 1
    old, now = (tmp_path / "old.warc.gz").read_bytes(), Path(new).read_bytes()
    assert now[: page.first_end] == old[: page.first_end]
    assert now[other.start :] == old[other.start :]
    notes = [r.reader.read() for r in ArchiveIterator(BytesIO(now)) if _is_note(r)]
    assert len(notes) == 1 and b"b.example" in notes[0]


def archived(key: str) -> bytes:
    """The records of a crawled page, as the crawler writes them."""
    notes = {"link": f"https://{key}", "id": page_id(key)}
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    page = Capture(
        f"https://{key}", 200, Headers(), b"the same body", 0, request=request, notes=notes
    )
    return b"".join(record(kind, fields, block) for kind, fields, block in page_records(page))


def _is_note(found: WarcRecord) -> bool:
    return bool(found.record_type == WarcRecordType.metadata)


def test_nothing_is_written_where_nothing_is_gone(tmp_path: Path) -> None:
    assert erase(str(PAGES), str(tmp_path / "new"), {"0" * 32}, set()) == 0
    assert not (tmp_path / "new").exists()


def text(number: int) -> str:
    """Words of letters, since digits are all alike to near-duplicates."""
    chosen = random.Random(number)
    return " ".join("".join(chosen.choices("abcdefgh", k=6)) for _ in range(80))


def test_a_later_interval_is_compared_with_what_is_left(tmp_path: Path) -> None:
    """Places and keep order still fit: the same as if the pages had never been there."""
    first = [document(f"a.example/{n}", text(n)) for n in range(40)]
    gone = frozenset(page_id(f"a.example/{n}") for n in (0, 7, 8, 21, 39))
    later = [document(f"b.example/{n}", text(n) + " and more") for n in (3, 7, 12, 30, 38)]
    later += [document(f"b.example/{n}", text(n)) for n in (5, 21, 99)]
    forgot, never = Dedups(tmp_path / "forgot"), Dedups(tmp_path / "never")
    forgot.write("2024-01", first, parts=3)
    never.write("2024-01", [row for row in first if row["id"] not in gone], parts=2)
    for dedups in (forgot, never):
        dedups.run("2024-01")
    forgot.take_out("2024-01", gone)
    for dedups in (forgot, never):
        dedups.write("2024-02", later)
        dedups.run("2024-02")
    assert forgot.removed("2024-02") == never.removed("2024-02")
    assert {row["kept_id"] for row in forgot.removed("2024-02").values()} == {
        page_id(f"a.example/{n}") for n in (3, 12, 30, 38, 5)
    }
    manifests = [d.corpus.require("dedup", "2024-01") for d in (forgot, never)]
    assert manifests[0].counts == manifests[1].counts
    assert manifests[0].fingerprint == manifests[1].fingerprint
