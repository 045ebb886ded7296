"""ALBERT's tokenizer: a Unigram model over normalised text, trained by SentencePiece.

The release (google-research/albert, README "Learning SentencePiece model" and
`tokenization.preprocess_text`) lower-cases, takes accents off and trains with these
options of SentencePiece; special tokens and the eight signs that are always a piece of
their own get the ids of the released vocabularies.

SentencePiece trains, and not the trainer of `tokenizers`, because it gives the same model
each time: it sorts what it counts, and adds up in a fixed number of shares.  The other
one adds floating-point numbers in the order of a randomly seeded hash table.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import ClassVar

import sentencepiece
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from pipeline.store.errors import SettingError
from pipeline.tokens.accents import accents_pattern
from pipeline.tokens.kind import TokenizerKind
from pipeline.tokens.words import word_counts

_CONTROL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
#: Always pieces of their own, with the ids 5 to 12.
SIGNS = ("(", ")", '"', "-", ".", "–", "£", "€")
#: Share of the sample's characters that get a piece; the rest is <unk>.
COVERAGE = 0.99995
#: Shares in which SentencePiece adds up (its default).  It decides the last bits of the scores,
#: so it is fixed, whatever the number of cores.
_SHARES = 16


def normalizer() -> normalizers.Normalizer:
    """What ALBERT does to text, then SentencePiece's "nmt_nfkc", step by step."""
    return normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.Replace(Regex(accents_pattern()), ""),
            normalizers.Lowercase(),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """SentencePiece's words: at spaces, each with a mark in front."""
    return pre_tokenizers.Metaspace(prepend_scheme="always")


class Unigram(TokenizerKind):
    """Vocabulary of ALBERT's release where a recipe does not set it; its data has no end token."""

    label = "albert"
    vocab_size = 30_000
    least = 258
    longest = 512
    roles: ClassVar[Mapping[str, str]] = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }

    def make(self, texts: Iterable[str]) -> Tokenizer:
        """A Unigram tokenizer of at most `vocab_size` pieces.

        Raises SettingError when the vocabulary is too small for the characters of the texts.
        """
        normal = normalizer()
        counts = word_counts(texts, lambda word: normal.normalize_str(word).split())
        trained = sentencepiece.SentencePieceProcessor(
            model_proto=train_model(counts, self.tokens.vocab_size)
        )
        size = trained.get_piece_size()
        pieces = [(trained.id_to_piece(i), trained.get_score(i)) for i in range(size)]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=1))
        tokenizer.normalizer = normal
        tokenizer.pre_tokenizer = pre_tokenizer()
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0",
            pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
        # As in the release, a mask takes the space before it along.
        tokenizer.add_special_tokens(
            [AddedToken(token, special=True, normalized=False) for token in _CONTROL[:-1]]
            + [AddedToken("[MASK]", special=True, normalized=False, lstrip=True)]
        )
        return tokenizer


def train_model(counts: list[tuple[str, int]], vocab_size: int) -> bytes:
    """SentencePiece's model (its protocol buffer) of normalised words with their counts."""
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(f"{word}\t{count}" for word, count in counts),
            input_format="tsv",
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=COVERAGE,
            normalization_rule_name="identity",
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            pad_piece="<pad>",
            control_symbols=list(_CONTROL[2:]),
            user_defined_symbols=list(SIGNS),
            num_threads=_SHARES,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise SettingError(
            f"tokens.vocab_size = {vocab_size}: SentencePiece cannot train it ({error})",
            "Take a greater vocabulary, or more text",
        ) from None
    return model.getvalue()
