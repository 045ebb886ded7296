"""The stages behind documents, killed again and again: the corpus of an undisturbed build."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from forks import run_python
from support import PROJECT

from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
from pipeline.store.corpus import Corpus
from pipeline.views.verify import verify_corpus

INTERVAL = "2024-01"
#: Each run is killed when the first file of such a name is about to get its place.
MOMENTS = (
    "links-", "_hostlines-", "_verdicts-", "order-", "_decisions-00001-of",
    "tokenizer.json", "piece-00001", "train-00001-of-00002.idx",
)  # fmt: skip
CHILD = """
import os, signal, sys
from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
root, moment = sys.argv[1:]
replace = os.replace
def replace_or_die(old, new):
    if os.path.basename(new).startswith(moment):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(old, new)
os.replace = replace_or_die
build(read_recipe("quickstart", [f'corpus.root="{root}"', "runner.workers=1"]), first="quality")
"""


def test_killed_before_a_file_is_in_its_place(sample_root: Path, tmp_path: Path) -> None:
    root, expected = tmp_path / "corpus", Corpus(str(sample_root))
    made = {"quality", "dedup", "corpus", "tokens", "tokenizers"}
    shutil.copytree(sample_root, root, ignore=lambda _, names: made & {*names})
    for moment in MOMENTS:
        child = run_python("-c", CHILD, str(root), moment, folder=PROJECT)
        assert child.returncode == -signal.SIGKILL, (moment, child.stdout)
    build(read_recipe("quickstart", [f'corpus.root="{root}"', "runner.workers=1"]), first="quality")
    verify_corpus(Corpus(str(root)))
    for stage in ("quality", "dedup", "corpus", "tokens/gpt2"):
        found, wanted = (c.require(stage, INTERVAL) for c in (Corpus(str(root)), expected))
        assert (stage, found.fingerprint) == (stage, wanted.fingerprint)
        assert found.counts == wanted.counts and found.extra == wanted.extra
