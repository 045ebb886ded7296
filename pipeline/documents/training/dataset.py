"""What training needs of each page: blocks, labels, weights; features with words of other folds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from selectolax.lexbor import LexborHTMLParser

from pipeline.documents.blocks.features import basics, features
from pipeline.documents.blocks.hiding import HIDDEN
from pipeline.documents.blocks.layout import Layout, read_layout
from pipeline.documents.blocks.lexicon import WordWeights
from pipeline.documents.blocks.numbers import Column
from pipeline.documents.blocks.structure import Structure, structure
from pipeline.documents.blocks.table import FeatureTable
from pipeline.documents.head import Head, read_head
from pipeline.documents.training.labels import Labels, agreed, from_phrases, from_text
from pipeline.documents.training.pages import LabelledPage, others_texts
from pipeline.documents.training.tokens import tokens
from pipeline.store.chance import chance_of

Floats = npt.NDArray[np.float64]

#: This share of pages is learned without their address, so that the text decides …
_NO_ADDRESS = 0.3
#: … and this share a second time without names of elements, which a framework may have made up.
_NO_NAMES = 0.15
_NO_NAMES_WEIGHT = 0.5
#: A block counts by its words, but not more than this many.
_MOST_WORDS = 400
#: A block with a phrase counts as so many words; one that extractors agree on counts half.
_PHRASE_WORDS, _AGREED = 60.0, 0.5


@dataclass(frozen=True, slots=True)
class TrainingPage:
    """A page as it is learned: `labels` are shares of text in [0, 1], `weights` 0 where unknown."""

    page: LabelledPage
    fold: int
    texts: tuple[str, ...]
    words: Column
    labels: Labels
    weights: Floats
    nameless: bool


def examples(pages: Iterable[LabelledPage], folds: int) -> Iterator[tuple[TrainingPage, Layout]]:
    """The examples that pages give, each with its layout; pages without text give none."""
    plain = WordWeights({}, {})
    for page in pages:
        layout = read_layout(LexborHTMLParser(page.html), plain)
        if layout.text:
            example = _example(page, layout, folds)
            yield example, layout
            if chance_of(page.url, "no names") < _NO_NAMES and page.truth is not None:
                weights = example.weights * _NO_NAMES_WEIGHT
                yield replace(example, weights=weights, nameless=True), without_names(layout)


def rows_of(example: TrainingPage, lexicon: WordWeights) -> tuple[FeatureTable, Structure]:
    """The first-stage features of an example, with the weights of a lexicon."""
    layout, head = parsed(example, lexicon)
    tree = structure(layout)
    return features(layout, tree, basics(layout, tree, lexicon), head), tree


def parsed(example: TrainingPage, lexicon: WordWeights) -> tuple[Layout, Head]:
    """The page of an example, read again with the weights of a lexicon."""
    page = example.page
    parser = LexborHTMLParser(page.html)
    layout = read_layout(parser, lexicon)
    if example.nameless:
        layout = without_names(layout)
    url = "" if chance_of(page.url, "no address") < _NO_ADDRESS else page.url
    return layout, read_head(parser, url)


def without_names(layout: Layout) -> Layout:
    """A layout as it is when no element has a class, an id or a role."""
    nothing = [0] * len(layout.tag)
    return replace(
        layout,
        names=[""] * len(layout.tag),
        own=nothing, above=nothing, own_score=nothing, near_score=nothing, far_score=nothing,
        inner=[0] * len(layout.text),
    )  # fmt: skip


def _example(page: LabelledPage, layout: Layout, folds: int) -> TrainingPage:
    texts = tuple(layout.text)
    words = np.array([len(tokens(text)) for text in texts], dtype=np.int64)
    weights = np.minimum(words, _MOST_WORDS) + 1.0
    if page.truth is not None:
        hidden = [bool(layout.hidden[owner] & HIDDEN) for owner in layout.owner]
        labels = from_text(texts, page.truth, hidden)
        if labels.sum() < 1:  # the text is not on the page, or the truth is empty
            weights[:] = 0.0
    else:
        labels = from_phrases(texts, page.wanted, page.unwanted)
        known = ~np.isnan(labels)
        weights[known] = _PHRASE_WORDS
        others = agreed(texts, others_texts(page.html))
        weights[~known] *= np.where(np.isnan(others), 0.0, _AGREED)[~known]
        labels = np.nan_to_num(np.where(known, labels, others))
    total = weights.sum()
    weights *= page.weight / total if total else 0.0
    return TrainingPage(page, page.fold(folds), texts, words, labels, weights, False)
