"""Marks of punctuation in any script: what ends a sentence or a line, and what clings to a word.

Source of the marks: Unicode 16, PropList.txt, Sentence_Terminal of the scripts in use today; the
closing quotes and brackets are those of Quotation_Mark and of general category Pe.
"""

from __future__ import annotations

import re

#: End a sentence where white space follows; within a word they are points of a number or address.
_SPACED_ENDS = ".!?"
#: Armenian, Urdu, Arabic, Syriac, Devanagari (of most of India), Burmese, Ethiopic, Khmer,
#: Mongolian, Meetei, Chinese and Japanese, and their full-width forms: nothing need follow.
_OTHER_ENDS = "։؟۔܀܁܂।॥၊။።፧፨។៕᠃᠉꯫。．！？｡‼⁇⁈⁉"
_CLOSING = "\"'”’“‘»«›‹)]」』）】》〉"

#: What may end a line of prose.
LINE_ENDS = tuple(_SPACED_ENDS + _OTHER_ENDS + "\"'”’“»«」』…")

#: What clings to a word and is none of its letters.
EDGES = ".,;:!?\"'()[]{}<>«»“”‘’`*_" + _OTHER_ENDS + "،؛、，；：「」『』（）【】《》„‚…"

SENTENCE_END = re.compile(
    rf"[{re.escape(_SPACED_ENDS)}]+[{re.escape(_CLOSING)}]*(?=\s|$)"
    rf"|[{_OTHER_ENDS}]+[{re.escape(_CLOSING)}]*"
)

#: Languages that end a sentence with a space, so that sentences cannot be counted.
WITHOUT_SENTENCE_ENDS = frozenset({"lo", "th"})
