"""C4's measures, in two variants that others mix up (Raffel et al. 2020; tensorflow/datasets).

`c4_paper`: section 2.2 of the paper: sentences in lines of at least 3 words, 5 asked for.
`c4_tfds`: the released `c4_utils.py`: lines of at least 5 words, 3 sentences asked for.
"""

from __future__ import annotations

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.punctuation import LINE_ENDS, SENTENCE_END, WITHOUT_SENTENCE_ENDS
from pipeline.quality.words import Pieces
from pipeline.store.unspaced import count_words

_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
PAPER_WORDS, TFDS_WORDS = 3, 5


class C4Settings(Limits):
    """Document rules of C4; numbers of sentences differ.

    The paper asks for 5 sentences in lines of 3 words, the released code
    (tensorflow/datasets `c4_utils.py`) for 3 sentences in lines of 5 words.
    Source: Raffel et al. 2020, section 2.2.
    """

    max_lorem_ipsum: Limit = 0
    """Most occurrences of "lorem ipsum"."""
    max_curly_brackets: Limit = False
    """Most opening curly brackets.  C4's 0 drops every page that shows code; WebText kept such
    pages, so it is off."""
    min_paper_sentences: Limit = False
    """Least number of sentences as the paper counts them; it asks for 5."""
    min_tfds_sentences: Limit = 3
    """Least number of sentences as the released code counts them.  Source: tensorflow/datasets,
    `c4_utils.py`."""
    max_longest_word: Limit = 1_000
    """Characters of the longest word; in the released code it drops the line, here the document.
    Source: tensorflow/datasets, `c4_utils.py`."""
    max_javascript_lines: Limit = False
    """Most lines that name JavaScript; C4 removes such lines and keeps the page, so it is off."""
    max_policy_lines: Limit = False
    """Most lines of an English text that name a policy, terms of use or cookies; off for the same
    reason."""


class C4(Measure):
    """Columns and rules of `[quality.c4]`."""

    settings = C4Settings
    columns = (
        "c4_lorem_ipsum",
        "c4_curly_brackets",
        "c4_javascript_lines",
        "c4_policy_lines",
        "c4_longest_word",
        "c4_paper_sentences",
        "c4_tfds_sentences",
    )
    english = frozenset({"c4_policy_lines"})
    version = "2"
    rank = 30

    def measure(self, pieces: Pieces) -> dict[str, float | None]:
        """A value for each column, all counts (the longest word in characters).

        In languages without marks at the end of sentences their number is None.
        """
        lower = pieces.text.lower()
        good = [x.lower() for x in pieces.lines if x.endswith(LINE_ENDS)]
        good = [x for x in good if not x.endswith(("...", "…"))]
        clean = [x for x in good if "javascript" not in x and not any(p in x for p in _POLICY)]
        lines = [line.lower() for line in pieces.lines]
        return {
            "c4_lorem_ipsum": float(lower.count("lorem ipsum")),
            "c4_curly_brackets": float(pieces.text.count("{")),
            "c4_javascript_lines": float(sum("javascript" in line for line in lines)),
            "c4_policy_lines": float(sum(any(p in line for p in _POLICY) for line in lines)),
            "c4_longest_word": float(max(map(len, pieces.words), default=0)),
            "c4_paper_sentences": _sentences(clean, PAPER_WORDS, pieces.language),
            "c4_tfds_sentences": _sentences(clean, TFDS_WORDS, pieces.language),
        }


def _sentences(lines: list[str], min_words: int, language: str) -> float | None:
    """Sentences in the lines that have `min_words` words; a line has one at least."""
    if language in WITHOUT_SENTENCE_ENDS:
        return None
    fit = [line for line in lines if count_words(line) >= min_words]
    return float(sum(max(1, len(SENTENCE_END.findall(line))) for line in fit))
