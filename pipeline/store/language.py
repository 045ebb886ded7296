"""The language of a text, by a model that ships inside its package (py3langid, 139 languages).

The score is the model's normalised probability, with the temperature that py3langid
calibrates by length; FineWeb keeps English from 0.65 of fastText's probability, and
`docs/extraction.md` shows what that bound does with this model.
"""

from __future__ import annotations

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: Characters that are looked at: three windows from the start, the middle and the end.
#: The model reads byte by byte, so its time grows with them.  Of 660 real texts 3,000 characters
#: decide all as the whole text does, 1,500 all but one.
SAMPLE_CHARS = 1_500


def identify(text: str, chars: int = SAMPLE_CHARS) -> tuple[str, float]:
    """The likeliest language (ISO 639-1 where there is a code, else 639-3) and its probability.

    Looks at `chars` characters of a longer text.  One without letters gives ("", 0.0).
    """
    sample = _sample(text, chars)
    if not any(map(str.isalpha, sample)):
        return "", 0.0
    language, score = _model().classify(sample)
    # Rounded, so that two builds of numpy, whose sums differ in the last bit, agree.
    return str(language), round(float(score), 4)


def _sample(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    window = chars // 3
    middle = (len(text) - window) // 2
    return "\n".join((text[:window], text[middle : middle + window], text[-window:]))


@cache
def _model() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
