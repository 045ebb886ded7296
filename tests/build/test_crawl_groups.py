"""A crawl by groups of hosts, as a scheduler maps tasks over them."""

from __future__ import annotations

import json
from pathlib import Path

from support import Run, sample_settings

from pipeline.store.corpus import Corpus
from pipeline.store.manifest import Counts


def test_groups_crawled_one_by_one_are_the_build_s(
    sample_root: Path, tmp_path: Path, webtext: Run, replay: str
) -> None:
    root, said = tmp_path / "corpus", tmp_path / "said.json"
    settings = ["quickstart", *sample_settings(root, replay)]

    def run(*arguments: str) -> dict[str, object]:
        done = webtext("--result", str(said), *arguments)
        assert done.returncode == 0, done.stdout
        return json.loads(said.read_text())

    run("build", *settings, "--workers=1", "--until=links")
    groups = run("crawl", *settings)["groups"]
    assert groups == list(range(8))
    assert webtext("crawl", *settings, "--group=8").returncode == 2
    total = Counts()
    for group in groups[1:]:  # the build crawls the one that is left
        counts = run("crawl", *settings, f"--group={group}")
        assert counts.pop("group") == group
        total += Counts.model_validate(counts)
    again = webtext("crawl", *settings, "--group=1")
    assert again.returncode == 0
    built = run("build", *settings, "--workers=1", "--from=pages", "--until=pages")
    assert list(built["stages"]) == ["pages"]
    pages = Corpus(str(root)).require("pages", "2024-01")
    assert pages.fingerprint == Corpus(str(sample_root)).require("pages", "2024-01").fingerprint
    assert 0 < total.seen < pages.counts.seen
    assert run("crawl", *settings)["groups"] == []
    refused = webtext("crawl", *settings, "--group=1")
    assert refused.returncode == 1
    assert "built already" in refused.stdout


def test_stages_before_the_first_are_taken_as_they_are(
    sample_root: Path, webtext: Run, replay: str
) -> None:
    common = ["build", "quickstart", *sample_settings(sample_root, replay), "--workers=1"]
    done = webtext(*common, "--set=links.min_karma=5", "--from=pages", "--until=documents")
    assert done.returncode == 0, done.stdout
    assert "Nothing to do" in done.stdout
    assert "links" not in done.stdout
    for wrong in (["--from=page"], ["--from=corpus", "--until=links"]):
        assert webtext(*common, *wrong).returncode == 2
