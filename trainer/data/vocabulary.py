"""What the objectives must know of a tokenizer: its special tokens and where words begin."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tokenizers import Tokenizer

from pipeline.store import files
from pipeline.store.errors import SettingError

#: Names of each special token in BERT's, ALBERT's and ELECTRA's vocabularies.
_NAMES = {
    "pad": ("[PAD]", "<pad>"),  # the second is of ALBERT's SentencePiece vocabulary
    "cls": ("[CLS]",),
    "sep": ("[SEP]",),
    "mask": ("[MASK]",),
}
_PIECE, _SPACE, _CONTINUED = "\u2581", "\u0120", "##"


@dataclass(frozen=True)
class Vocabulary:
    """Ids of the special tokens, and for each token whether a word begins with it."""

    size: int
    pad: int
    cls: int
    sep: int
    mask: int
    #: Those four: never masked.  [UNK] stands for text, and may be.
    special: frozenset[int]
    starts: tuple[bool, ...]

    @classmethod
    def read(cls, path: str) -> Vocabulary:
        """Reads a `tokenizer.json`, local or remote."""
        return cls.of(Tokenizer.from_str(files.read_bytes(path).decode("utf-8")))

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Vocabulary:
        """Reads a tokenizer.  Raises SettingError when it lacks [CLS], [SEP] or [MASK]."""
        ids = {role: _id_of(tokenizer, *names) for role, names in _NAMES.items()}
        values = json.loads(tokenizer.to_str())
        size = tokenizer.get_vocab_size()
        special = set(ids.values())
        names = [tokenizer.id_to_token(number) or "" for number in range(size)]
        kind = values["model"]["type"]
        starts = tuple(_begins(kind, name, n in special) for n, name in enumerate(names))
        return cls(
            size, ids["pad"], ids["cls"], ids["sep"], ids["mask"], frozenset(special), starts
        )


def _id_of(tokenizer: Tokenizer, *names: str) -> int:
    ids = (tokenizer.token_to_id(name) for name in names)
    number = next((n for n in ids if n is not None), None)
    if number is None:
        raise SettingError(
            f"The shards' tokenizer has no {names[0]}, which an encoder needs",
            'Build shards with tokens.kind = "unigram" or "wordpiece"',
        )
    return number


def _begins(kind: str, name: str, special: bool) -> bool:
    """Whether a word begins with this token.

    WordPiece marks what continues a word with `##`; SentencePiece marks what begins one with
    U+2581, and a token without it that has no letter stands alone too (google-research/albert,
    `create_pretraining_data.py`, `_is_start_piece_sp`); a byte-level BPE with U+0120.
    """
    if special:
        return True
    if kind == "WordPiece":
        return not name.startswith(_CONTINUED)
    if name.startswith((_PIECE, _SPACE)):
        return True
    return not any(c.isascii() and c.isalnum() for c in name)
