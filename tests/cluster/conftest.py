"""A dask cluster on machines of their own: object store, scheduler, three workers, client."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster.machines import Machine, network, wait_for
from january import dump_source
from support import TESTS_PATH

from pipeline.sample import COMMENTS, PAGES, POSTS
from pipeline.store.corpus import STAGES, Corpus

WORKERS = ("worker1", "worker2", "worker3")
BUCKET = "s3://corpora"
#: How the scheduler of docs/runners.md is started: it gives up what is gone after this long.
SCHEDULER = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10 s",
    "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "20 s",
}
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
from cluster.conftest import fingerprints_of
print(json.dumps(fingerprints_of(sys.argv[1], sys.argv[2:])))
"""


def stored(path: Path) -> str:
    """Where the store has a file that was put into it."""
    return f"{BUCKET}/in/{path.name}"


SAMPLE_DUMPS = [stored(path) for path in (POSTS, COMMENTS)]


def fingerprints_of(root: str, stages: Sequence[str] = STAGES) -> dict[str, str]:
    """{stage: fingerprint} of a corpus."""
    names = {stage: "tokens/gpt2" if stage == "tokens" else stage for stage in stages}
    corpus = Corpus(root)
    return {stage: corpus.require(name, "2024-01").fingerprint for stage, name in names.items()}


@dataclass
class Cluster:
    """The machines by name, and what tests do with them."""

    machines: dict[str, Machine]

    @property
    def client(self) -> Machine:
        """Where `webtext` is called."""
        return self.machines["client"]

    @property
    def scheduler(self) -> str:
        """The scheduler's address."""
        return f"tcp://{self.machines['scheduler'].address}:8786"

    def start_scheduler(self) -> None:
        """Starts the scheduler as an administrator would."""
        self.machines["scheduler"].log(
            "scheduler", sys.executable, "-m", "distributed.cli.dask_scheduler",
            "--port", "8786", "--no-dashboard", **SCHEDULER,
        )  # fmt: skip

    def start_worker(self, name: str, *options: str, **environment: str) -> None:
        """Starts one worker with its nanny."""
        self.machines[name].log(
            "worker", sys.executable, "-m", "distributed.cli.dask_worker", self.scheduler,
            "--nthreads", "1", "--no-dashboard", "--local-directory", "/tmp/dask",
            "--memory-limit", "2GB", "--name", name, *options,
            **{"PYTHONHASHSEED": "0", "TMPDIR": "/tmp", **environment},
        )  # fmt: skip

    def wait_for_workers(self, count: int = len(WORKERS)) -> None:
        """Waits until exactly so many are there."""
        script = f"""
import time, distributed
with distributed.Client("{self.scheduler}") as client:
    while len(client.nthreads()) != {count}:
        time.sleep(0.2)
"""
        code, said = self.client.run(sys.executable, "-c", script)
        assert code == 0, said

    def upload(self, *paths: Path) -> list[str]:
        """Puts files into the store; their places there."""
        store = self.machines["store"]
        code, said = store.run(sys.executable, "-c", _UPLOAD, *map(str, paths))
        assert code == 0, said
        return [stored(path) for path in paths]

    def on_cluster(self, root: str, *more: str, dumps: Sequence[str] = SAMPLE_DUMPS) -> list[str]:
        """The build of posts' and comments' dumps of the store into `root` on the workers."""
        return [
            sys.executable, "-P", "-m", "pipeline", "build", "quickstart", "--runner", "dask",
            "--set", f"runner.dask.scheduler={self.scheduler}",
            "--set", f"corpus.root={root}", "--set", dump_source(*dumps),
            *more,
        ]  # fmt: skip

    def crawl(self, archive: Path) -> list[str]:
        """The settings with which pages come from the machine `web`, which serves an archive."""
        web = self.machines["web"]
        log = web.log(
            "replay", sys.executable, "-P", "-m", "pipeline.pages.replay", str(archive),
            "--host", web.address, "--port", "8017",
        )  # fmt: skip
        wait_for(lambda: "http://" in log.read_text())
        return [
            "--set", f"pages.via=http://{web.address}:8017",
            "--set", f'pages.allow_hosts=["{web.address}"]',
        ]  # fmt: skip

    def archive(self) -> list[str]:
        """The settings with which pages come from the sample's archive in the store."""
        return ["--set", 'pages.source="warc"', "--set", f'pages.warc=["{stored(PAGES)}"]']

    def fingerprints(self, root: str, stages: Sequence[str] = STAGES) -> dict[str, str]:
        """{stage: fingerprint} of a corpus in the store."""
        code, said = self.client.run(sys.executable, "-c", _FINGERPRINTS, root, *stages)
        assert code == 0, said
        found: dict[str, str] = json.loads(said.splitlines()[-1])
        return found

    def settle(self) -> None:
        """Brings back what a test broke: links up, scheduler and workers started anew.

        Workers of a lost scheduler or behind a link that was cut do not all return by themselves.
        """
        for name in WORKERS:
            self.machines[name].link("up")
            self.machines[name].kill()
        self.machines["scheduler"].kill()
        self.start_scheduler()
        for name in WORKERS:
            self.start_worker(name)
        self.wait_for_workers()


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The running cluster, with the sample's input in the store."""
    pytest.importorskip("moto", reason="needs moto's server")
    folder = tmp_path_factory.mktemp("machines")
    with network(folder, "store", "web", "scheduler", *WORKERS, "client") as machines:
        store = machines["store"]
        for machine in machines.values():
            machine.environment = {
                "AWS_ENDPOINT_URL": f"http://{store.address}:5000",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "us-east-1",
                "PYTHONPATH": TESTS_PATH,
            }
        log = store.log("moto", sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", "5000")
        wait_for(lambda: "Running on" in log.read_text())
        found = Cluster(machines)
        found.upload(POSTS, COMMENTS, PAGES)
        found.settle()
        yield found
