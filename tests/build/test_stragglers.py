"""A build each of whose units two processes carry out at once is the build of one worker."""

from __future__ import annotations

from pathlib import Path

from at_once import everything_twice

from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
from pipeline.sample import PAGES
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.views.status import stage_folders
from pipeline.views.verify import verify_corpus

#: Every function whose units a build without passages deals out, but for `decide`: the pages with
#: most karma have no near-duplicates among those that pass.
UNITS = {
    "read_source", "merge_range",  # links
    "index_archive", "look_up_part",  # pages
    "make",  # documents
    "sample_or_join", "find_lines", "measure_part", "give_verdicts",  # quality
    "sort", "number", "find_firsts", "write_keys", "search_band", "compare", "group",
    "write_slices", "write", "write_clusters",  # dedup
    "accept_part",  # corpus
    "make_tokenizer", "encode_part", "assemble_shard",  # tokens
}  # fmt: skip


def built(root: Path) -> Corpus:
    """The sample's pages with most karma, from the archive to shards."""
    settings = [
        f'corpus.root="{root}"', "runner.workers=1", "links.min_karma=90",
        'pages.source="warc"', f'pages.warc=["{PAGES}"]',
    ]  # fmt: skip
    build(read_recipe("quickstart", settings))
    return Corpus(str(root))


def test_two_copies_of_every_unit_write_what_one_writes(tmp_path: Path) -> None:
    once = built(tmp_path / "once")
    with everything_twice() as units:
        twice = built(tmp_path / "twice")
    assert units.keys() >= UNITS
    verify_corpus(twice)  # no file is torn: each has the hash that was reported
    folders = stage_folders(twice)
    assert len(folders) >= 7
    for stage, interval, folder in folders:
        found, wanted = (corpus.require(stage, interval) for corpus in (twice, once))
        assert (stage, found.fingerprint) == (stage, wanted.fingerprint)
        assert found.counts.kept == wanted.counts.kept > 0, stage
        assert files.leftovers(folder) == []
