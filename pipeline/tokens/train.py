"""The tokenizer of the tokens stage: trained on a sample, or taken over as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.store import files
from pipeline.store.manifest import FileEntry, Manifest, read_manifest, write_manifest
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, file_part, text_bytes
from pipeline.tokens import tokenizer as tok
from pipeline.tokens.draws import in_sample
from pipeline.tokens.encode import ready_encoder
from pipeline.tokens.proof import prove
from pipeline.tokens.settings import TokensSettings

_TEXT = 100_000  # characters handed to a trainer at once


@dataclass(frozen=True)
class TokenizerUnit:
    """The tokenizer to train or take over, unless it is there."""

    folder: str
    corpus: tuple[str, ...]
    draft: Manifest
    settings: TokensSettings


def make_tokenizer(unit: TokenizerUnit) -> list[Part]:
    """Trains or takes over the tokenizer and writes its manifest; nothing if it is there."""
    before = read_manifest(unit.folder)
    if before is not None and _still_right(before, unit.draft):
        return [Part(None)]
    settings = unit.settings
    kind, sample = settings.chosen_kind(), Sample(unit.corpus, settings.sample_bytes)
    tokenizer = kind.make(sample)
    data = tokenizer.to_str(pretty=True).encode()
    extra, warnings = {"vocab_size": tokenizer.get_vocab_size()}, list[str]()
    if not kind.trained:
        proof = prove(ready_encoder(data, settings), sample)
        extra, warnings = extra | proof.extra(), proof.warnings(settings.name)
    fingerprint = hashlib.sha256(data).hexdigest()
    entries = []
    for name, content in tok.for_transformers(settings).items():
        files.write_bytes(files.join(unit.folder, name), content)
        entries.append(_entry(unit.folder, name))
    files.write_bytes(files.join(unit.folder, tok.TOKENIZER), data)
    entry = _entry(unit.folder, tok.TOKENIZER)
    rows = {"rows": tokenizer.get_vocab_size(), "fingerprint": fingerprint}
    manifest = unit.draft.model_copy(
        update={
            "files": [entry.model_copy(update=rows), *entries],
            "fingerprint": fingerprint,
            "extra": extra,
            "warnings": warnings,
        }
    )
    write_manifest(unit.folder, manifest)
    return [Part(None)]


def _entry(folder: str, name: str) -> FileEntry:
    entry = file_part(folder, name).file
    assert entry is not None
    return entry


def _still_right(before: Manifest, draft: Manifest) -> bool:
    """Whether the tokenizer that is there is the wanted one; a draft without inputs takes any."""
    same_inputs = not draft.inputs or before.inputs == draft.inputs
    return before.settings_hash == draft.settings_hash and same_inputs


class Sample:
    """Texts to train a tokenizer on, `size` bytes chosen by hash; can be read several times.

    They come in order of part and id, so they are the same whatever made the parts, and in
    pieces of at most `_TEXT` characters.
    """

    def __init__(self, corpus: Sequence[str], size: int) -> None:
        self._corpus = corpus
        total = sum(text_bytes(path) for path in corpus)
        self._fraction = min(1.0, size / max(total, 1))

    def __iter__(self) -> Iterator[str]:
        for path in self._corpus:
            for row in read_rows(path, ["id", "text"]):
                if in_sample(row["id"], self._fraction):
                    text = row["text"]
                    yield from (text[i : i + _TEXT] for i in range(0, len(text), _TEXT))
