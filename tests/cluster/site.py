"""The machines of a cluster, whatever carries a build: store, web, head, workers, client."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from cluster.machines import Machine, wait_for
from january import dump_source

from pipeline.sample import COMMENTS, PAGES, POSTS
from pipeline.store.corpus import STAGES, Corpus

WORKERS = ("worker1", "worker2", "worker3")
NAMES = ("store", "web", "head", *WORKERS, "client")
BUCKET = "s3://corpora"
#: In the command line of a process that extracts text.
_EXTRACTING = "documents.worker"
_UPLOAD = """
import sys, fsspec
fs = fsspec.filesystem("s3")
if not fs.exists("corpora"):
    fs.mkdir("corpora")
for path in sys.argv[1:]:
    fs.put_file(path, "corpora/in/" + path.rsplit("/", 1)[-1])
"""
_FINGERPRINTS = """
import json, sys
from cluster.site import fingerprints_of
print(json.dumps(fingerprints_of(sys.argv[1], sys.argv[2:])))
"""


def _stored(path: Path) -> str:
    """Where the store has a file that was put into it."""
    return f"{BUCKET}/in/{path.name}"


def fingerprints_of(root: str, stages: Sequence[str] = STAGES) -> dict[str, str]:
    """{stage: fingerprint} of a corpus."""
    names = {stage: "tokens/gpt2" if stage == "tokens" else stage for stage in stages}
    corpus = Corpus(root)
    return {stage: corpus.require(name, "2024-01").fingerprint for stage, name in names.items()}


@dataclass
class Site:
    """The machines by name, and what tests of any engine do with them."""

    machines: dict[str, Machine]

    @property
    def client(self) -> Machine:
        """Where `webtext` is called."""
        return self.machines["client"]

    @property
    def head(self) -> Machine:
        """Where the scheduler or the master runs."""
        return self.machines["head"]

    @property
    def workers(self) -> list[Machine]:
        """Where the work is done."""
        return [self.machines[name] for name in WORKERS]

    def open_store(self) -> None:
        """Starts the object store, with the sample's input in it."""
        store = self.machines["store"]
        log = store.log("moto", sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", "5000")
        wait_for(lambda: "Running on" in log.read_text())
        files = map(str, (POSTS, COMMENTS, PAGES))
        code, output = store.run(sys.executable, "-c", _UPLOAD, *files)
        assert code == 0, output

    def build(self, root: str, runner: str, *more: str) -> list[str]:
        """The build of the sample's links into `root` by a runner."""
        return [
            sys.executable, "-P", "-m", "pipeline", "build", "quickstart", "--runner", runner,
            "--set", f"corpus.root={root}",
            "--set", dump_source(_stored(POSTS), _stored(COMMENTS)),
            *more,
        ]  # fmt: skip

    def crawl(self) -> list[str]:
        """The settings with which pages come from the machine `web`, which serves the sample's."""
        web = self.machines["web"]
        if not web.processes("pipeline.pages.replay"):
            log = web.log(
                "replay", sys.executable, "-P", "-m", "pipeline.pages.replay", str(PAGES),
                "--host", web.address, "--port", "8017",
            )  # fmt: skip
            wait_for(lambda: "http://" in log.read_text())
        return [
            "--set", f"pages.via=http://{web.address}:8017",
            "--set", f'pages.allow_hosts=["{web.address}"]',
        ]  # fmt: skip

    def archive(self) -> list[str]:
        """The settings with which pages come from the sample's archive in the store."""
        return ["--set", 'pages.source="warc"', "--set", f'pages.warc=["{_stored(PAGES)}"]']

    def fingerprints(self, root: str, stages: Sequence[str] = STAGES) -> dict[str, str]:
        """{stage: fingerprint} of a corpus in the store."""
        code, output = self.client.run(sys.executable, "-c", _FINGERPRINTS, root, *stages)
        assert code == 0, output
        read: dict[str, str] = json.loads(output.splitlines()[-1])
        return read

    @contextmanager
    def struck(
        self, command: Sequence[str], strike: Callable[[Machine], None]
    ) -> Iterator[tuple[Popen[str], Machine]]:
        """A build, and the worker's machine that was struck while it extracted text."""
        process = self.client.start(*command)
        # Processes start while links are read, and a build before leaves some behind.
        _wait_until_pages_are_done(process)
        idle = {pid: used for one in self.workers for pid, used in one.used(_EXTRACTING).items()}

        def extracting() -> Machine | None:
            assert process.poll() is None, process.communicate()[0]
            for worker in self.workers:
                for pid, used in worker.used(_EXTRACTING).items():
                    if used > idle.get(pid, 0.0):
                        return worker
            return None

        try:
            victim = wait_for(extracting)
            strike(victim)
            yield process, victim
        finally:
            process.kill()
            process.wait()


def _wait_until_pages_are_done(process: Popen[str]) -> None:
    """Reads what a build says so far; the rest stays to be read."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith("pages: done"):
            return
        said.append(line)
    raise AssertionError("".join(said))


def one_line(output: str) -> str:
    """The only line of an error; the rest are progress."""
    lines = [line for line in output.splitlines() if line.startswith("webtext: ")]
    assert len(lines) == 1 and "Traceback" not in output, output
    return lines[0]
