"""Bad input as a user meets it: one clear line, the right exit code, nothing lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support import Run, sample_settings

from pipeline.build.build import locked
from pipeline.sample import COMMENTS, PAGES, POSTS
from pipeline.store.manifest import read_manifest

INTERVAL = "2024-01"


def one_line(output: str) -> str:
    """The error of the command: exactly one line, without a traceback."""
    lines = [line for line in output.splitlines() if line.startswith("webtext: ")]
    assert len(lines) == 1, output
    assert "Traceback" not in output
    return lines[0]


def dump(posts: str, comments: str = str(COMMENTS)) -> str:
    return f'links.sources=[{{kind="reddit-dump", posts="{posts}", comments="{comments}"}}]'


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        (["links.min_krama=3"], 2, ["links.min_krama", "Did you mean min_karma"]),
        (["pagess.delay=1"], 2, ["pagess", "Did you mean pages"]),
        (["dedup.threshold=eighty"], 2, ["dedup.threshold"]),
        ([dump("nowhere/RS_*.zst")], 2, ["nowhere/RS_*.zst", "links.sources"]),
        (["links.min_karma=100000"], 1, ["min_karma"]),
        (["pages.contact="], 2, ["pages.contact"]),
    ],
)
def test_wrong_settings(
    tmp_path: Path, webtext: Run, replay: str, settings: list[str], code: int, said: list[str]
) -> None:
    overrides = [f"--set={setting}" for setting in settings]
    if settings == ["pages.contact="]:  # the open web, without a contact
        overrides += ["--set=pages.via=", "--set=pages.allow_hosts=[]"]
        done = webtext(
            "build",
            "quickstart",
            "--set",
            f"corpus.root={tmp_path / 'c'}",
            *overrides,
            "--workers=1",
        )
    else:
        done = webtext(
            "build",
            "quickstart",
            *sample_settings(tmp_path / "c", replay),
            *overrides,
            "--workers=1",
        )
    assert done.returncode == code, done.stdout
    line = one_line(done.stdout)
    assert all(part in line for part in said), line


def test_a_dump_that_ends_in_the_middle(tmp_path: Path, webtext: Run, replay: str) -> None:
    """Two workers: neither they nor dask say anything beside the one line."""
    cut = tmp_path / "RS_cut.zst"
    cut.write_bytes(POSTS.read_bytes()[:-3000])
    done = webtext(
        "build",
        "quickstart",
        *sample_settings(tmp_path / "c", replay),
        f"--set={dump(str(cut))}",
        "--workers=2",
    )
    assert done.returncode == 1, done.stdout
    assert "RS_cut.zst" in one_line(done.stdout)
    assert all(line.startswith(("webtext: ", "links: ")) for line in done.stdout.splitlines())
    assert not list((tmp_path / "c" / "links").rglob("part-*.parquet"))


def test_an_archive_that_is_cut_in_the_middle(tmp_path: Path, webtext: Run) -> None:
    cut = tmp_path / "cut.warc.gz"
    cut.write_bytes(PAGES.read_bytes()[:1_000_000])
    done = webtext(
        "build",
        "quickstart",
        f"--set=corpus.root={tmp_path / 'c'}",
        "--set=pages.source=warc",
        f'--set=pages.warc=["{cut}"]',
        "--workers=1",
    )
    assert done.returncode == 1, done.stdout
    assert "cut.warc.gz" in one_line(done.stdout)
    links = read_manifest(str(tmp_path / "c" / "links" / INTERVAL))
    assert links is not None and links.counts.kept > 300


def test_an_unreachable_server(tmp_path: Path, webtext: Run) -> None:
    done = webtext(
        "build",
        "quickstart",
        *sample_settings(tmp_path / "c", "http://127.0.0.1:9"),
        "--workers=1",
    )
    assert done.returncode == 1, done.stdout
    assert "pages" in one_line(done.stdout)


def test_a_failed_stage_leaves_the_old_one_intact(
    sample_root: Path, tmp_path: Path, webtext: Run, replay: str
) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(sample_root, root)
    done = webtext(
        "build",
        "quickstart",
        *sample_settings(root, replay),
        "--set=links.min_karma=100000",
        "--workers=1",
    )
    assert done.returncode == 1, done.stdout
    assert webtext("verify", str(root)).returncode == 0
    again = webtext("build", "quickstart", *sample_settings(root, replay), "--workers=1")
    assert "Nothing to do" in again.stdout


def test_an_interval_before_those_that_are_built(
    sample_root: Path, webtext: Run, replay: str
) -> None:
    done = webtext(
        "build", "quickstart", *sample_settings(sample_root, replay), "--interval", "2023-12"
    )
    assert done.returncode == 2, done.stdout
    assert "comes before 2024-01" in one_line(done.stdout)


def test_two_builds_of_one_corpus(tmp_path: Path, webtext: Run, replay: str) -> None:
    root = tmp_path / "corpus"
    with locked(str(root)):
        done = webtext("build", "quickstart", *sample_settings(root, replay), "--workers=1")
        assert done.returncode == 1, done.stdout
        assert f"Another build (process {os.getpid()}) is at work" in one_line(done.stdout)


def test_no_corpus(tmp_path: Path, webtext: Run) -> None:
    for command in ("status", "verify", "show"):
        done = webtext(command, str(tmp_path))
        assert done.returncode == 1, done.stdout
        assert str(tmp_path) in one_line(done.stdout)
