"""What each stage holds of a page, and how it leaves.

Nothing is measured, deduplicated or fetched again: rows go, and counts and fingerprints
with them, as if the links stage had dropped the page in the first place.  One thing is
different on purpose: duplicates of a forgotten page stay out, so its text does not come
back under another address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.forget.archives import erase
from pipeline.forget.edit import Edit, counted, put_in_place
from pipeline.forget.shards import cut_shard, shards_with
from pipeline.links.merge import FORGOTTEN
from pipeline.pages.refetch import key_of
from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.manifest import Counts, Manifest
from pipeline.store.parquet import read_table
from pipeline.store.parts import file_part


def edit_stage(corpus: Corpus, stage: str, interval: str, gone: frozenset[str]) -> int:
    """Takes the pages out of a finished stage; returns how many rows of its tables went."""
    folder = corpus.folder(stage, interval)
    put_in_place(folder)
    manifest = corpus.require(stage, interval)
    inputs = current_inputs(corpus, interval, manifest)
    edit = Edit(folder, manifest, gone)
    if stage.startswith("tokens/"):
        return _tokens(edit, corpus, interval, inputs)
    lost, rows = _STAGES[stage](edit, manifest.model_copy(update={"inputs": inputs}))
    edit.finish(lost, inputs)
    return rows


def current_inputs(corpus: Corpus, interval: str, manifest: Manifest) -> dict[str, str]:
    """The inputs of a stage, those that are stages of this corpus with what they say now."""
    inputs = dict(manifest.inputs)
    for name in inputs:
        source, _, other = name.partition("/")
        found = corpus.manifest(source, other or interval) if source in STAGES else None
        if found is not None:
            inputs[name] = found.fingerprint
    return inputs


def _links(edit: Edit, _manifest: Manifest) -> tuple[Counts, int]:
    count = len(edit.drop_rows("part-", ["id"]))
    # They came in and are dropped for a reason now.
    return Counts(seen=0, kept=count, dropped={FORGOTTEN: -count} if count else {}), count


def _pages(edit: Edit, manifest: Manifest) -> tuple[Counts, int]:
    columns = ["id", "outcome"]
    rows = edit.drop_rows("fetches-", columns, key=key_of(manifest))
    kept: dict[str, set[int]] = {}  # offsets of bodies that other pages have as well
    for path in edit.paths("fetches-"):
        table = read_table(path, ["id", "warc_file", "warc_offset"])
        stay = table.filter(pc.invert(pc.is_in(table["id"], edit.ids)))
        for name, offset in zip(
            stay["warc_file"].to_pylist(), stay["warc_offset"].to_pylist(), strict=True
        ):
            if name:
                kept.setdefault(name, set()).add(offset)
    for entry in edit.manifest.files:
        if entry.name.endswith(".warc.gz"):
            path, target = (files.join(f, entry.name) for f in (edit.folder, edit.target))
            if erase(path, target, edit.gone, kept.get(entry.name, set())):
                edit.add([file_part(edit.target, entry.name, rows=entry.rows)])
    return counted(rows["outcome"].to_pylist()), len(rows)


def _documents(edit: Edit, _manifest: Manifest) -> tuple[Counts, int]:
    rows = edit.drop_rows("part-", ["id"])
    drops = edit.drop_rows("drops-", ["id", "outcome"])
    lost = Counts(seen=len(rows), kept=len(rows)) + counted(drops["outcome"].to_pylist())
    return lost, len(rows) + len(drops)


def _dedup(edit: Edit, _manifest: Manifest) -> tuple[Counts, int]:
    kinds = edit.drop_rows("part-", ["id", "kind"])["kind"].to_pylist()
    places = _places(edit)
    signed = len(edit.drop_rows("signatures-", ["id"]))

    def renumbered(rows: pa.Table) -> pa.Table:
        """A place is the row among all signatures, of which those before it went."""
        stay = rows.filter(pc.invert(pc.is_in(rows["id"], edit.ids)))
        old = stay["place"].to_numpy()
        new = pa.array(old - np.searchsorted(places, old), pa.int64())
        return stay.set_column(stay.schema.get_field_index("place"), "place", new)

    for path in edit.paths("register-") if signed else ():
        edit.change(path, renumbered)
    for path in edit.paths("hostlines-"):
        if edit.touches(path):
            edit.change(path, lambda rows: _unnamed(rows, edit.ids))
    edit.drop_rows("clusters-", ["kept_id"], by="kept_id")
    removed = Counter(kinds)
    lost = Counts(seen=signed, kept=signed - len(kinds), dropped=dict(removed))
    return lost, signed


def _unnamed(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """Repeated lines of a host without the page that was their example: they still repeat."""
    named = pc.if_else(pc.is_in(rows["id"], ids), "", rows["id"])
    return rows.set_column(rows.schema.get_field_index("id"), "id", named)


def _places(edit: Edit) -> np.ndarray:
    """The rows of gone documents among all signature files, in order."""
    found, first = [], 0
    for path in edit.paths("signatures-"):
        ids = read_table(path, ["id"])["id"]
        gone = pc.is_in(ids, edit.ids).to_numpy()
        found.append(np.flatnonzero(gone) + first)
        first += len(ids)
    return np.concatenate([np.empty(0, np.int64), *found])


def _quality(edit: Edit, _manifest: Manifest) -> tuple[Counts, int]:
    count = len(edit.drop_rows("part-", ["id"]))
    return Counts(seen=count, kept=count), count


def _corpus(edit: Edit, _manifest: Manifest) -> tuple[Counts, int]:
    rows = edit.drop_rows("part-", ["id"])
    decisions = edit.drop_rows("decisions-", ["id", "reason"])
    return counted(decisions["reason"].to_pylist(), kept=""), len(rows)


_STAGES: dict[str, Callable[[Edit, Manifest], tuple[Counts, int]]] = {
    "links": _links,
    "pages": _pages,
    "documents": _documents,
    "dedup": _dedup,
    "quality": _quality,
    "corpus": _corpus,
}


def _tokens(edit: Edit, corpus: Corpus, interval: str, inputs: dict[str, str]) -> int:
    """Only shards that hold such a page are written anew."""
    paths = edit.paths("documents-")
    documents, tokens = 0, Counter[str]()
    sentences = 0
    for name in sorted(shards_with(paths, edit.ids)):
        cut = cut_shard(edit.folder, name, edit.target, edit.gone)
        edit.add(cut.parts)
        documents += cut.documents
        sentences += cut.sentences
        tokens[f"{name.split('-', 1)[0]}_tokens"] += cut.tokens
    old = edit.manifest
    extra = Counter(old.extra)
    extra.subtract({**tokens, "sentences": sentences})
    # Texts without a token have no row; what came in is what the corpus keeps.
    seen = old.counts.seen - corpus.require("corpus", interval).counts.kept
    empty = seen - documents
    lost = Counts(seen=seen, kept=documents, dropped={"no_tokens": empty} if empty else {})
    edit.finish(lost, inputs, dict(extra))
    return documents
