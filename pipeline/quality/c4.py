"""C4's measures, in two variants that others mix up (Raffel et al. 2020; tensorflow/datasets).

`c4_paper`: section 2.2 of the paper: sentences in lines of at least 3 words, 5 asked for.
`c4_tfds`: the released `c4_utils.py`: lines of at least 5 words, 3 sentences asked for.
"""

from __future__ import annotations

import re

from pipeline.quality.words import Pieces

_END_MARKS = (".", "!", "?", '"', "”", "'")
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)")
_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
PAPER_WORDS, TFDS_WORDS = 3, 5

COLUMNS = (
    "c4_lorem_ipsum",
    "c4_curly_brackets",
    "c4_javascript_lines",
    "c4_policy_lines",
    "c4_longest_word",
    "c4_paper_sentences",
    "c4_tfds_sentences",
)


def measure(pieces: Pieces) -> dict[str, float]:
    """The values of COLUMNS, all counts (the longest word in characters)."""
    lower = pieces.text.lower()
    good = [x.lower() for x in pieces.lines if x.endswith(_END_MARKS) and not x.endswith("...")]
    clean = [x for x in good if "javascript" not in x and not any(p in x for p in _POLICY)]
    lines = [line.lower() for line in pieces.lines]
    return {
        "c4_lorem_ipsum": float(lower.count("lorem ipsum")),
        "c4_curly_brackets": float(pieces.text.count("{")),
        "c4_javascript_lines": float(sum("javascript" in line for line in lines)),
        "c4_policy_lines": float(sum(any(p in line for p in _POLICY) for line in lines)),
        "c4_longest_word": float(max(map(len, pieces.words), default=0)),
        "c4_paper_sentences": float(_sentences(clean, PAPER_WORDS)),
        "c4_tfds_sentences": float(_sentences(clean, TFDS_WORDS)),
    }


def _sentences(lines: list[str], min_words: int) -> int:
    """Sentences in the lines that have `min_words` words; a line has one at least."""
    fit = [line for line in lines if len(line.split()) >= min_words]
    return sum(max(1, len(_SENTENCE_END.findall(line))) for line in fit)
