"""BERT's and ELECTRA's tokenizer: WordPiece with BERT's normaliser, lower case, trained here.

ELECTRA's release (google-research/electra) uses BERT's uncased vocabulary.  Its special
tokens stand where they stand there: [PAD] 0, [UNK] 100, [CLS] 101, [SEP] 102, [MASK] 103,
with 99 unused entries between, which a user can give a meaning.

The trainer of `tokenizers` numbers letters inside words ("##a") in the order of a randomly
seeded hash table and breaks ties by number, so it gives another vocabulary each time.
Here all letters are numbered before it starts, by frequency and code point, and what it
does is the same each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import ClassVar

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from pipeline.tokens.kind import TokenizerKind
from pipeline.tokens.words import word_counts

_BEFORE = ("[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]")
#: Letters that get entries, the most frequent ones: as many as in BERT's uncased vocabulary
#: (997), rounded, and the default of the trainer of `tokenizers`.
_LETTERS = 1_000
_PREFIX = "##"
_UNKNOWN = "[UNK]"


class WordPiece(TokenizerKind):
    """Vocabulary of BERT's release where a recipe does not set it; its data has no end token."""

    label = "electra"
    vocab_size = 30_522
    least = 1_000  # special and unused entries, letters
    longest = 512
    roles: ClassVar[Mapping[str, str]] = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }

    def make(self, texts: Iterable[str]) -> Tokenizer:
        """A WordPiece tokenizer of at most `vocab_size` entries.

        `texts` is read twice: for its letters, then for its words.
        """
        training = _normalised(models.WordPiece(unk_token=_UNKNOWN))
        letters = _letters(texts, _normaliser())
        trainer = trainers.WordPieceTrainer(
            vocab_size=self.tokens.vocab_size,
            special_tokens=[*_BEFORE, *letters, *(_PREFIX + letter for letter in letters)],
            limit_alphabet=0,  # no letters but those named
            continuing_subword_prefix=_PREFIX,
            show_progress=False,
        )
        training.train_from_iterator(texts, trainer)
        tokenizer = _normalised(
            models.WordPiece(
                training.get_vocab(with_added_tokens=False),
                unk_token=_UNKNOWN,
                continuing_subword_prefix=_PREFIX,
                max_input_chars_per_word=100,
            )
        )
        tokenizer.decoder = decoders.WordPiece(prefix=_PREFIX)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0",
            pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 101), ("[SEP]", 102)],
        )
        tokenizer.add_special_tokens(
            [AddedToken(token, special=True, normalized=False) for token in self.roles.values()]
        )
        return tokenizer


def _normalised(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = _normaliser()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _normaliser() -> normalizers.Normalizer:
    return normalizers.BertNormalizer(lowercase=True)


def _letters(texts: Iterable[str], normal: normalizers.Normalizer) -> list[str]:
    """The most frequent characters of the normalised texts, in order of frequency."""
    counts: Counter[str] = Counter()
    for word, count in word_counts(texts, lambda word: normal.normalize_str(word).split()):
        for letter in word:
            counts[letter] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [letter for letter, _ in ranked[:_LETTERS]]
