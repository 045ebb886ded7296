"""Pages leave the stages of a corpus, one after the other, as each says by itself.

Nothing is measured, deduplicated or fetched again: rows go, and counts and fingerprints
with them, as if the links stage had dropped the page in the first place.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.build.build import ALL_STAGES
from pipeline.engine.stage import Stage
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.manifest import Manifest
from pipeline.store.stage_edit import StageEdit, put_in_place


def stage_names(corpus: Corpus) -> Iterator[tuple[Stage, str]]:
    """Each stage with the name of its folder, of tokens one for each tokenizer, in order."""
    for stage in ALL_STAGES:
        names = corpus.token_stages() if stage.name == STAGES[-1] else [stage.name]
        for name in names:
            yield stage, name


def edit_stage(corpus: Corpus, stage: Stage, name: str, interval: str, gone: frozenset[str]) -> int:
    """Takes the pages out of a finished stage; returns how many rows of its tables went."""
    folder = corpus.folder(name, interval)
    put_in_place(folder)
    manifest = corpus.require(name, interval)
    inputs = current_inputs(corpus, interval, manifest)
    read = next((name for name in manifest.inputs if name in STAGES), "")
    edit = StageEdit(
        folder, manifest, gone, inputs, lambda: corpus.require(read, interval).counts.kept
    )
    removal = stage.remove_pages(edit)
    edit.finish(removal)
    return removal.rows


def current_inputs(corpus: Corpus, interval: str, manifest: Manifest) -> dict[str, str]:
    """The inputs of a stage, those that are stages of this corpus with what they say now."""
    inputs = dict(manifest.inputs)
    for name in inputs:
        source, _, other = name.partition("/")
        current = corpus.manifest(source, other or interval) if source in STAGES else None
        if current is not None:
            inputs[name] = current.fingerprint
    return inputs
