"""What a unit of each stage costs: the figures of `pipeline/plan/costs.py`, measured anew.

    python benchmarks/costs.py [--data ../shared/data]

Builds a month stage by stage with one worker, each stage in a process of its own, and
reads its processor time and greatest memory (of the largest of its processes) from the
kernel and sizes from manifests and tables.  The time of a build with nothing to do is
taken off.  Without --data it is the bundled sample, which is too small for figures to rest
upon.  With it, genuine posts and comments are read and merged as well.  Pages come from a
replay server on loopback whose time does not count; DNS and TLS are not in it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from links import as_dump

from pipeline.cli.demo import replay_server
from pipeline.links.dumps import blocks
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.merge import Range, merge_range
from pipeline.links.reddit_dump import RedditDump
from pipeline.links.settings import LinksSettings
from pipeline.links.url_list import UrlList
from pipeline.pages.deal import read_links
from pipeline.quality.join import DOCUMENTS_A_UNIT, look_up
from pipeline.sample import PAGES
from pipeline.store.addresses import page_id
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.parts import text_bytes

INTERVAL = "2024-01"


class Watched:
    """A command that was run: processor seconds, largest process, most bytes of scratch."""

    def __init__(self, command: list[str], scratch: Path) -> None:
        self.scratch, ended = 0, threading.Event()

        def look() -> None:
            while not ended.wait(0.2):
                sizes = [_size(path) for path in scratch.rglob("*")]
                self.scratch = max(self.scratch, sum(sizes))

        watcher = threading.Thread(target=look)
        watcher.start()
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            ended.set()
            watcher.join()
            if process.returncode:
                said.seek(0)
                raise SystemExit(said.read().decode())
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss << 10


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def build(root: str, via: str, data: Path | None, until: str) -> list[str]:
    """The command that builds the month up to a stage."""
    command = [sys.executable, "-P", "-m", "pipeline", "build", "quickstart", "--workers=1"]
    command += [f"--set=corpus.root={root}", f"--set=pages.via={via}", f"--until={until}"]
    if data is None:
        return command
    dump = f"{data}/reddit/RS_2024-01_docs.zst", f"{data}/reddit/RC_2024-01_docs.zst"
    source = f'{{kind="reddit-dump", posts="{dump[0]}", comments="{dump[1]}"}}'
    return [*command, f"--set=links.sources=[{source}]", "--set=tokens.vocab_size=16384"]


def stages(root: str, via: str, data: Path | None) -> dict[str, Watched]:
    """Each stage by itself; what an idle build costs is taken off."""
    found = {}
    for stage in STAGES:
        command = build(root, via, data, stage)
        found[stage] = Watched(command, Path(root) / stage)
        found[stage].cpu -= Watched(command, Path(root) / stage).cpu
        took = found[stage]
        print(f"  {stage:10} {took.cpu:8.1f} CPU s, {took.memory / 1e6:6.0f} MB,", end=" ")
        print(f"{took.scratch / 1e6:6.1f} MB at most in its folder and scratch")
    return found


def units(root: str, took: dict[str, Watched]) -> None:
    """Prints costs and sizes a unit."""
    corpus = Corpus(root)
    told = {stage: corpus.require(stage, INTERVAL) for stage in STAGES[:-1]}
    told["tokens"] = corpus.require("tokens/gpt2", INTERVAL)
    size = {stage: manifest.size() for stage, manifest in told.items()}
    kept = {stage: manifest.counts.kept for stage, manifest in told.items()}
    fetched = [pq.read_table(p) for p in corpus.paths("pages", INTERVAL, "fetches-")]
    received = sum(sum(table["bytes"].to_pylist()) for table in fetched)
    archives = sum(f.bytes for f in told["pages"].entries() if f.name.endswith(".warc.gz"))
    documents, accepted = (
        sum(text_bytes(path) for path in corpus.paths(stage, INTERVAL))
        for stage in ("documents", "corpus")
    )
    extra = told["tokens"].extra
    tokens = extra["train_tokens"] + extra["validation_tokens"]
    moved = [link for path in corpus.paths("links", INTERVAL) for link in read_links(path)]
    shuffled = sum(len(x.id) + len(x.url) + len(x.host) for x in moved) / len(moved)
    rows = [
        ("links: mentions a link", told["links"].extra["mentions"] / kept["links"]),
        ("links: bytes a link", size["links"] / kept["links"]),
        ("pages: share fetched", kept["pages"] / kept["links"]),
        ("pages: CPU s a page", took["pages"].cpu / kept["pages"]),
        ("pages: bytes of body a page", received / kept["pages"]),
        ("pages: archive bytes a byte of body", archives / received),
        ("pages: table bytes a link", (size["pages"] - archives) / kept["links"]),
        ("pages: bytes of a link in the shuffle", shuffled),
        ("documents: share of pages", kept["documents"] / kept["pages"]),
        ("documents: CPU s a MB of body", took["documents"].cpu / received * 1e6),
        ("documents: text bytes a document", documents / kept["documents"]),
        ("documents: bytes on disk a byte of text", size["documents"] / documents),
        ("dedup: share kept", kept["dedup"] / kept["documents"]),
        ("dedup: CPU s a MB of text", took["dedup"].cpu / documents * 1e6),
        ("dedup: bytes a document", size["dedup"] / kept["documents"]),
        ("dedup: scratch a document", (took["dedup"].scratch) / kept["documents"]),
        ("quality: CPU s a MB of text", took["quality"].cpu / documents * 1e6),
        ("quality: bytes a document", size["quality"] / kept["documents"]),
        ("corpus: share of documents", kept["corpus"] / kept["documents"]),
        ("corpus: CPU s a MB of text", took["corpus"].cpu / documents * 1e6),
        ("corpus: bytes on disk a byte of text", size["corpus"] / accepted),
        ("tokens: CPU s a MB of text", took["tokens"].cpu / accepted * 1e6),
        ("tokens: tokens a byte of text", tokens / accepted),
        ("tokens: bytes on disk a token", size["tokens"] / tokens),
    ]
    for name, value in rows:
        print(f"  {name:42} {value:.4g}")


def reading(data: Path) -> None:
    """Genuine posts, and comments in the layout of dumps: what a line costs, and a mention."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [as_dump(b).data for b in blocks(f"{data}/reddit/praw_comments.ndjson.zst")]
        comments = f"{folder}/RC_genuine.zst"
        Path(comments).write_bytes(zstandard.compress(b"".join(rows) * 20))
        posts = f"{data}/reddit/RS_2013-08_top.zst"
        dump = RedditDump(kind="reddit-dump", posts=posts, comments=comments)
        for number, item in enumerate(dump.find()):
            unit = SourceUnit(item, number, folder, "key", False)
            start = time.process_time()
            parts = read_source(unit)
            seconds = time.process_time() - start
            names = tuple(p.file.name for p in parts if p.file and "mentions-" in p.file.name)
            mentions = sum(p.extra.get("mentions", 0) for p in parts)
            lines = sum(p.extra.get("lines", 0) for p in parts)
            settings = LinksSettings(sources=(UrlList(kind="urls", path="x"),))
            start = time.process_time()
            merged = merge_range(Range(0, 1, names, (), folder, f"key {number}", settings))
            merging = time.process_time() - start
            scratch = sum(_size(Path(folder) / name) for name in names)
            links = sum(part.counts.kept for part in merged)
            size = sum(part.file.bytes for part in merged if part.file)
            print(f"  {item.part}: {seconds / lines * 1e6:.1f} CPU s a million lines,", end=" ")
            print(f"{mentions / lines:.3f} mentions a line,", end=" ")
            print(f"{merging / mentions * 1e6:.1f} CPU s to merge a million of them,", end=" ")
            print(f"{scratch / mentions:.0f} bytes of scratch a mention,", end=" ")
            print(
                f"{links / mentions:.3f} links a mention, {size / max(links, 1):.0f} bytes a link"
            )


def joining() -> None:
    """How fast the quality stage goes through rows of links, which it does for each join."""
    rows, each = 2_000_000, 50_000  # of links, of one part
    ids = pa.array(sorted(page_id(str(number)) for number in range(rows)))
    wanted = pa.array([page_id(f"other {number}") for number in range(DOCUMENTS_A_UNIT)])
    schema = pa.schema([("karma", pa.int64())])
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for start in range(0, rows, each):
            paths.append(f"{folder}/{start}.parquet")
            part = pa.table({"id": ids.slice(start, each), "karma": range(each)})
            pq.write_table(part, paths[-1], compression="zstd", row_group_size=10_000)

        def seconds(times: int) -> float:
            start = time.process_time()
            look_up(wanted, paths * times, schema)
            return time.process_time() - start

        # What a join costs apart from the rows it goes through is in both.
        print(f"  {rows / (seconds(2) - seconds(1)):,.0f} rows of links a CPU second")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, help="the folder with pages/ and reddit/")
    data = parser.parse_args().data
    archive = data / "pages" / "docs.warc.gz" if data else PAGES
    with tempfile.TemporaryDirectory() as root, replay_server(archive) as via:
        print("Stages, one worker:")
        took = stages(root, via, data)
        print("Units:")
        units(root, took)
        print("Tables that are joined:")
        joining()
    if data:
        print("Reading dumps:")
        reading(data)


if __name__ == "__main__":
    main()
