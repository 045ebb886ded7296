"""`webtext push`: a corpus on the Hugging Face Hub, as a data set that anyone can load.

Only files that manifests name go, of intervals that are finished, with the dataset card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.hub import Pushed, hub_address, local_file, push
from pipeline.store.manifest import read_manifest
from pipeline.store.release import RELEASE
from pipeline.views.card import CARD, write_card


def push_corpus(
    corpus: Corpus,
    address: str,
    stages: Sequence[str] = ("corpus",),
    *,
    private: bool = False,
    dry_run: bool = False,
    say: Callable[[str], None],
) -> Pushed:
    """Sends the finished intervals of some stages and the card; old files of theirs go there.

    Raises SettingError for a stage that there is none of, WebtextError where nothing of a stage is
    finished or the hub refuses.
    """
    target = hub_address(address, "dataset")
    local_file(corpus.root)
    names = [name for stage in stages for name in _names(corpus, stage)]
    if write_card(corpus) is None:
        say(f"{corpus.root}/{CARD} is not of webtext's making and is sent as it is.")
    names += [name for name in (CARD, RELEASE) if files.exists(files.join(corpus.root, name))]
    listed = {name: local_file(files.join(corpus.root, name)) for name in names}
    folders = sorted({f"{name.partition('/')[0]}/" for name in names if "/" in name})
    message = f"webtext push: {', '.join(corpus.intervals('corpus'))}"
    return push(target, listed, folders, message, private=private, dry_run=dry_run, say=say)


def _names(corpus: Corpus, stage: str) -> list[str]:
    """The files of a stage's finished intervals, from the root on."""
    if stage not in STAGES:
        raise SettingError(f"There is no stage {stage}", f"One of: {', '.join(STAGES)}")
    if stage == "tokens":
        # Shards say nothing without their tokenizer.
        kinds = corpus.token_stages()
        folders = [kind.replace("tokens", "tokenizers", 1) for kind in kinds]
    else:
        kinds, folders = [stage], []
    folders += [f"{kind}/{interval}" for kind in kinds for interval in corpus.intervals(kind)]
    names = []
    for folder in folders:
        manifest = read_manifest(files.join(corpus.root, folder))
        if manifest is not None:
            written = [*(entry.name for entry in manifest.entries()), *sorted(manifest.own_names())]
            names += [f"{folder}/{name}" for name in written]
    if not names:
        raise WebtextError(f"{corpus.root} has no finished stage {stage}", "Build it first")
    return names
