"""From pages to a corpus: the whole command beside datatrove, with equal workers.

    python -m benchmarks.whole [--posts RS --comments RC --archive WARC] [--min-karma 3]
        [--workers 2] [--turns 3]

The command builds the corpus from a dump and an archive (the bundled sample, unless others are
named).  datatrove (`peer_corpus.py`, in the environment that `make peers` makes) gets the pages
that the links led to and no others, taken from their archive and decoded already, since its own
reader guesses media types and leaves out a third of them.  Seconds by the clock, and of processor
time in brackets; on a machine with other work only the latter mean something.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.quality import PEERS
from benchmarks.runners import INTERVAL, add_input, command_for, cost_of
from pipeline.store.archives import read_responses
from pipeline.store.corpus import Corpus
from pipeline.store.decode import decode
from pipeline.store.parquet import read_rows


def main() -> None:
    """One line a turn."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_input(parser)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    print("| pages | webtext: kept, seconds | datatrove: kept, seconds | times as fast |")
    print("|---|---|---|---|")
    for _ in range(given.turns):
        with tempfile.TemporaryDirectory() as folder:
            print(turn(Path(folder), given), flush=True)


def turn(folder: Path, given: argparse.Namespace) -> str:
    """Both once; a line of the table."""
    corpus, peer = Corpus(str(folder / "corpus")), folder / "peer"
    more = "--until", "corpus", "--workers", str(given.workers)
    ours = cost_of(partial(_run, command_for(Path(corpus.root), given, *more)))
    pages = deal_pages(corpus, peer / "pages", given.workers)
    script = Path(__file__).with_name("peer_corpus.py")
    theirs = cost_of(partial(_run, [PEERS, script, peer, str(given.workers)]))
    kept = corpus.require("corpus", INTERVAL).counts.kept, _rows((peer / "kept").glob("*.gz"))
    cells = [
        f"{number:,}, {cost.clock:.1f} ({cost.processor:.1f})"
        for number, cost in zip(kept, (ours, theirs), strict=True)
    ]
    ratios = f"{theirs.clock / ours.clock:.2f} ({theirs.processor / ours.processor:.2f})"
    return f"| {pages:,} | {cells[0]} | {cells[1]} | {ratios} |"


def _run(command: Sequence[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def deal_pages(corpus: Corpus, folder: Path, shares: int) -> int:
    """Writes all fetched pages, decoded, to files of JSON lines by turns; gives their number."""
    folder.mkdir(parents=True)
    offsets: dict[str, list[int]] = {}
    for path in corpus.paths("pages", INTERVAL, "fetches-"):
        for row in read_rows(path, ["outcome", "warc_file", "warc_offset"]):
            if row["outcome"] == "ok":
                offsets.setdefault(row["warc_file"], []).append(row["warc_offset"])
    pages = [page for name, own in offsets.items() for page in read_responses(name, set(own))]
    for share in range(shares):
        with (folder / f"{share}.jsonl").open("w", encoding="utf-8") as stream:
            for page in pages[share::shares]:
                text = decode(page.body, page.headers.joined("content-type")).text
                stream.write(json.dumps({"id": page.url, "text": text}) + "\n")
    return len(pages)


def _rows(paths: Iterable[Path]) -> int:
    return sum(bool(json.loads(line)) for path in paths for line in gzip.open(path, "rt"))


if __name__ == "__main__":
    main()
