"""The main job as a user runs it: the sample from the dump to shards, by the command."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from forks import Command
from support import PROJECT, Run, local_workers, sample_settings

from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Manifest, read_manifest, table_of
from pipeline.tokens.megatron import IndexedDataset
from pipeline.views.kept import TABLES, check_kept

INTERVAL = "2024-01"


def folder(root: Path, stage: str) -> Path:
    return root / ("tokens/gpt2" if stage == "tokens" else stage) / INTERVAL


def manifests(root: Path) -> dict[str, Manifest]:
    found = {stage: read_manifest(str(folder(root, stage))) for stage in STAGES}
    assert all(found.values()), found
    return {stage: manifest for stage, manifest in found.items() if manifest}


def fingerprints(root: Path) -> dict[str, str]:
    return {stage: manifest.fingerprint for stage, manifest in manifests(root).items()}


@pytest.fixture
def copy(sample_root: Path, tmp_path: Path) -> Path:
    """A copy of the built sample that a test may change."""
    shutil.copytree(sample_root, tmp_path / "corpus")
    return tmp_path / "corpus"


def test_counts_pass_from_stage_to_stage(sample_root: Path) -> None:
    found = manifests(sample_root)
    kept = {stage: manifest.counts.kept for stage, manifest in found.items()}
    seen = {stage: manifest.counts.seen for stage, manifest in found.items()}
    assert seen["pages"] == kept["links"] > 300
    assert seen["documents"] == kept["pages"] > 290
    assert seen["quality"] == seen["corpus"] == kept["documents"]
    assert seen["dedup"] == kept["quality"]
    assert kept["dedup"] == kept["corpus"]
    assert seen["tokens"] == kept["corpus"] > 200
    assert set(found["links"].counts.dropped) >= {"min_karma", "reddit", "media", "wikipedia"}
    assert found["pages"].counts.dropped == {"not_found": seen["pages"] - kept["pages"]}
    assert sum(found["dedup"].counts.dropped.values()) >= 4  # the mirror's copies
    assert found["corpus"].counts.dropped == {
        **found["quality"].counts.dropped,
        **{f"duplicate_{kind}": n for kind, n in found["dedup"].counts.dropped.items()},
    }


def test_whoever_is_removed_is_removed_for_a_page_of_the_corpus(copy: Path) -> None:
    corpus = Corpus(str(copy))
    removed = corpus.require("dedup", INTERVAL).counts.dropped
    assert check_kept(corpus) == 2 * sum(removed.values()) > 0
    for manifest in manifests(copy).values():  # there is no other table that names such a page
        for path in folder(copy, manifest.stage).glob("*.parquet"):
            if "kept_id" in pq.read_schema(path).names and not path.name.startswith("_clusters-"):
                assert (manifest.stage, f"{table_of(path.name)}-") in TABLES
    for path in corpus.paths("corpus", INTERVAL):
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    with pytest.raises(WebtextError, match=r"removes [0-9a-f]{32} for .*not in the corpus"):
        check_kept(corpus)


def test_every_link_has_one_outcome_and_every_document_one_decision(sample_root: Path) -> None:
    corpus = Corpus(str(sample_root))

    def ids(stage: str, prefix: str = "part-") -> list[str]:
        tables = [pq.read_table(p, columns=["id"]) for p in corpus.paths(stage, INTERVAL, prefix)]
        return sorted(i for table in tables for i in table["id"].to_pylist())

    assert ids("links") == ids("pages", "fetches-")
    assert ids("documents") == ids("corpus", "decisions-") == ids("quality")
    assert len(set(ids("documents"))) == len(ids("documents"))


def test_shards_decode_to_the_texts_of_the_corpus(sample_root: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(sample_root / "tokenizers/gpt2/tokenizer.json"))
    corpus = Corpus(str(sample_root))
    texts = {
        row["id"]: row["text"]
        for path in corpus.paths("corpus", INTERVAL)
        for row in pq.read_table(path).to_pylist()
    }
    shards: dict[str, IndexedDataset] = {}
    found = 0
    for path in corpus.paths("tokens/gpt2", INTERVAL, "documents-"):
        for row in pq.read_table(path).to_pylist():
            prefix = str(folder(sample_root, "tokens") / row["shard"])
            shard = shards.setdefault(row["shard"], IndexedDataset(prefix))
            tokens = shard.tokens[row["start"] : row["start"] + row["length"]]
            assert tokenizer.decode(tokens.tolist()) == texts[row["id"]]
            found += 1
    assert found == len(texts)


#: What a build that has nothing to do need not wait for: libraries, and the work of stages.
HEAVY = {
    "apache_beam", "distributed", "duckdb", "pandas", "scipy", "trafilatura", "pyarrow.compute",
    "rich.progress", "pipeline.pages.crawl", "pipeline.pages.archive_lookup",
    "pipeline.documents.blocks.model", "pipeline.dedup.sign", "pipeline.tokens.train",
}  # fmt: skip


def test_building_again_does_nothing_and_says_so(sample_root: Path, replay: str) -> None:
    before = {p: p.stat().st_mtime_ns for p in sample_root.rglob("*.*") if p.is_file()}
    asked = [*sample_settings(sample_root, replay), "--workers", "1"]
    # A process of its own, of which Python says what it imports.
    command = [sys.executable, "-P", "-X", "importtime", "-m", "pipeline", "build", "quickstart"]
    done = subprocess.run([*command, *asked], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stdout
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert "pipeline.build.build" in imported and not imported & HEAVY
    assert done.stdout.count("up to date, ") == len(STAGES)
    after = {p: p.stat().st_mtime_ns for p in sample_root.rglob("*.*") if p.is_file()}
    assert {p for p in before if before[p] != after[p]} <= {sample_root / ".lock"}


def test_status_and_show(sample_root: Path, webtext: Run) -> None:
    status = webtext("status", str(sample_root))
    assert status.returncode == 0
    assert all(stage in status.stdout for stage in STAGES)
    shown = webtext("show", str(sample_root), "--where", "karma > 100", "--n", "2")
    assert shown.returncode == 0
    assert shown.stdout.count("karma: ") == 2
    wrong = webtext("show", str(sample_root), "links", "--where", "karmaa > 1")
    assert wrong.returncode == 2
    assert "karmaa" in wrong.stdout
    nothing = webtext("show", str(sample_root), "corpuss")
    assert (nothing.returncode, "One of: links" in nothing.stdout) == (2, True)


def test_verify_passes_and_names_what_was_changed(copy: Path, webtext: Run) -> None:
    assert webtext("verify", str(copy)).returncode == 0
    part = next((copy / "documents" / INTERVAL).glob("part-*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    done = webtext("verify", str(copy))
    assert done.returncode == 1
    assert part.name in done.stdout
    assert "sha256" in done.stdout


def test_a_changed_threshold_rebuilds_only_what_follows(
    copy: Path, webtext: Run, replay: str
) -> None:
    asked = ["--workers=1", "--set=quality.gopher.min_words=400"]
    first = webtext("build", "quickstart", *sample_settings(copy, replay), *asked, "--until=corpus")
    assert first.returncode == 0, first.stdout
    assert "quality: settings changed: " in first.stdout
    assert "stale: other corpus" in webtext("status", str(copy)).stdout
    stale = webtext("verify", str(copy))
    assert (stale.returncode, "made from another corpus" in stale.stdout) == (1, True)
    done = webtext("build", "quickstart", *sample_settings(copy, replay), *asked)
    assert done.returncode == 0, done.stdout
    said = [line for line in done.stdout.splitlines() if "up to date, " in line]
    assert [line.split(":")[0] for line in said] == list(STAGES[:6])
    assert "tokens: input changed: " in done.stdout
    assert webtext("verify", str(copy)).returncode == 0


@pytest.mark.system
def test_prism_gives_the_same_corpus(
    sample_root: Path, tmp_path: Path, webtext: Run, replay: str, prism: Path
) -> None:
    root = tmp_path / "prism"
    done = webtext(
        "build",
        "quickstart",
        *sample_settings(root, replay),
        "--runner=prism",
        "--",
        f"--prism_location={prism}",
    )
    assert done.returncode == 0, done.stdout
    assert fingerprints(root) == fingerprints(sample_root)


def start_build(root: Path, replay: str, *more: str) -> Command:
    command = ("-m", "pipeline", "build", "quickstart")
    return Command(*command, *sample_settings(root, replay), *more, folder=PROJECT)


def wait_for(root: Path, pattern: str, process: Command) -> None:
    """Waits until a file is there; the build must still be at work then."""
    while not any(root.glob(pattern)):
        assert process.poll() is None, process.output()
        time.sleep(0.05)
    assert process.poll() is None, "the build ended before it could be disturbed"


def test_a_build_that_is_killed_twice_goes_on_and_ends_equal(
    sample_root: Path, tmp_path: Path, webtext: Run, replay: str
) -> None:
    """In mid-crawl and in mid-extraction; what goes on carries out every bundle twice."""
    root = tmp_path / "killed"
    twice = ("--workers=1", "--", "--direct_runner_bundle_repeat=2")
    for moment, more in (
        (f"pages/{INTERVAL}/*.warc.gz*", ("--workers=1",)),
        (f"documents/{INTERVAL}/_progress/*.json", twice),
    ):
        process = start_build(root, replay, *more)
        wait_for(root, moment, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert webtext("verify", str(root)).returncode == 1  # unfinished is said, not trusted
    done = webtext("build", "quickstart", *sample_settings(root, replay), *twice)
    assert done.returncode == 0, done.stdout
    assert "goes on where it stopped" in done.stdout
    assert fingerprints(root) == fingerprints(sample_root)
    assert webtext("verify", str(root)).returncode == 0


def test_two_workers_of_whom_one_is_killed_extract_the_same(
    sample_root: Path, tmp_path: Path, replay: str
) -> None:
    """Other stages on two workers: `test_remote_storage`; a kill in dedup: `test_dedup_runners`."""
    root = tmp_path / "two"
    made = {"documents", "dedup", "quality", "corpus", "tokens", "tokenizers"}
    shutil.copytree(sample_root, root, ignore=lambda _, names: made & {*names})
    process = start_build(root, replay, "--runner=dask", "--workers=2", "--until=documents")
    wait_for(root, f"documents/{INTERVAL}/_progress/*.json", process)
    workers = local_workers(process.pid)
    assert len(workers) >= 2
    workers[0].kill()
    assert process.wait() == 0, process.output()
    found, wanted = (Corpus(str(one)).require("documents", INTERVAL) for one in (root, sample_root))
    assert (found.fingerprint, found.counts) == (wanted.fingerprint, wanted.counts)
    for part in folder(sample_root, "documents").glob("part-*"):
        assert (folder(root, "documents") / part.name).read_bytes() == part.read_bytes()
