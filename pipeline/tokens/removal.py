"""How pages leave the tokens stage: only shards that hold one are written anew."""

from __future__ import annotations

from collections import Counter

from pipeline.store.manifest import Counts
from pipeline.store.stage_edit import Removal, StageEdit
from pipeline.tokens.cut_shard import cut_shard, shards_with


def remove_pages(edit: StageEdit) -> Removal:
    """Texts without a token have no row, so how many of them leave follows from what came in."""
    documents, extra = 0, Counter[str]()
    for name in sorted(shards_with(edit.paths("documents-"), edit.ids)):
        cut = cut_shard(edit.folder, name, edit.target, edit.gone)
        edit.add(cut.parts)
        documents += cut.documents
        extra[f"{name.split('-', 1)[0]}_tokens"] += cut.tokens
        extra["sentences"] += cut.sentences
    seen = edit.manifest.counts.seen - edit.given()
    empty = seen - documents
    dropped = {"no_tokens": empty} if empty else {}
    return Removal(Counts(seen=seen, kept=documents, dropped=dropped), documents, extra)
