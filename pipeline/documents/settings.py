"""Settings of the documents stage."""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.store.settings import Settings


class DocumentsSettings(Settings):
    """The `[documents]` section of a recipe."""

    content_types: tuple[Literal["html", "pdf", "plain"], ...] = ("html",)
    """What is extracted: web pages; PDF (needs the extra `pdf`) and plain text when named."""

    extractor: Literal["blocks", "trafilatura"] = "blocks"
    """What finds the main text first: the choice among blocks, for pages of any kind, or
    trafilatura, for articles.  Where one finds little, the other has a second look."""

    model: str | None = None
    """The file of a model that `webtext train-extractor` wrote; none for ours."""

    captions: bool = False
    """Whether captions of figures are text."""

    languages: tuple[str, ...] = ("en",)
    """Languages that are kept (ISO 639-1).  Empty keeps all.  WebText is English."""

    min_language_score: float = Field(0.65, ge=0.0, le=1.0)
    """Least probability of the language.  FineWeb (arXiv 2406.17557) asks for 0.65."""

    min_words: int = Field(20, ge=1)
    """Least number of words of a document; in scripts without spaces, characters are counted
    (`store/unspaced.py`).  Far below Gopher's 50 (arXiv 2112.11446), which the quality stage may
    apply and change without extracting again."""

    prefilter: bool = True
    """Whether a cheap first pass turns away pages that will surely be dropped."""

    max_bytes: int = Field(20_000_000, ge=1)
    """Most bytes of a page, decompressed.  trafilatura's MAX_FILE_SIZE."""

    max_tags: int = Field(250_000, ge=1)
    """Most opening tags of a page.  Extraction takes some 5 s and 500 MB for as many in a table;
    the fullest of 3,880 manual pages measured has 10,401."""

    deadline: float = Field(20.0, gt=0)
    """Most seconds of processor time for a page.  Processor time, because a clock on the wall
    would drop other pages on a busy machine than on an idle one."""

    memory_mb: int = Field(2_000, ge=300)
    """Most address space of a child process, in MB, libraries (some 200 MB) included."""

    pages_per_child: int = Field(1_000, ge=1)
    """Pages after which a child process is replaced: lxml and its caches grow slowly."""

    pages_per_unit: int = Field(500, ge=1)
    """Most rows of a fetch table that make one unit of work, hence one part file, on an average:
    a unit of large pages has less.  Small intervals have smaller units."""

    volatile: ClassVar[frozenset[str]] = frozenset({"pages_per_child", "pages_per_unit"})

    @field_validator("content_types")
    @classmethod
    def _there(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if "pdf" in kinds and find_spec("pypdfium2") is None:
            raise ValueError("'pdf' needs the package pypdfium2: pip install 'webtext[pdf]'")
        return tuple(sorted(set(kinds)))

    @field_validator("languages")
    @classmethod
    def _plain_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not (code.isascii() and code.isalpha() and code.islower() and 2 <= len(code) <= 3):
                raise ValueError(f"{code!r} is no language code; use such as 'en', 'de'")
        return tuple(sorted(set(codes)))
