"""One page from bytes to verdict: a document, or the reason why it gives none.

This is what runs inside the child process; it raises nothing on bad pages that it
knows, and what it does not know the child reports (`worker.py`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.documents.extract import ParsedPage, finish, prepare
from pipeline.documents.given import given_text
from pipeline.documents.page import Extracted, Page, Verdict
from pipeline.documents.pdf import extract_pdf
from pipeline.documents.plain import extract_plain
from pipeline.documents.prefilter import foreign, words_at_most
from pipeline.documents.settings import DocumentsSettings
from pipeline.store.decode import decode
from pipeline.store.language import identify
from pipeline.store.media_type import kind_of, read_label
from pipeline.store.own_texts import MEDIA_TYPE
from pipeline.store.unspaced import count_words


def verdict_on(page: Page, settings: DocumentsSettings) -> Verdict:
    """Decodes, checks limits, extracts, and measures length and language."""
    media_type = read_label([page.content_type]).media_type
    if media_type == MEDIA_TYPE:
        return _measure(given_text(page.body), settings)
    kind = kind_of(media_type, page.body)
    if kind not in settings.content_types:
        return Verdict("content_type", error=page.content_type[:100])
    if len(page.body) > settings.max_bytes:
        return Verdict("too_large", float(len(page.body)))
    if kind == "pdf":
        return _measure(extract_pdf(page.body, page.fetched), settings)
    text, _, _ = decode(page.body, page.content_type)
    if kind == "plain":
        return _measure(extract_plain(text, page.url, page.fetched), settings)
    with _no_collection():
        return _verdict_on_html(text, page, settings)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the search for cycles of objects, which a page has none of.

    It would look at all the rows of a page's elements and blocks, again and again as they come:
    a tenth of the time of a page.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _verdict_on_html(html: str, page: Page, settings: DocumentsSettings) -> Verdict:
    if html.count("<") > settings.max_tags and (tags := count_tags(html)) > settings.max_tags:
        return Verdict("too_many_tags", float(tags))
    source = prepare(html, page.url, settings.model or "")
    turned_away = _first_pass(source, settings) if settings.prefilter else None
    if turned_away:
        return turned_away
    found = finish(source, page.fetched, settings.extractor, settings.captions)
    return _measure(found, settings)


def count_tags(text: str) -> int:
    """How many opening tags a page has at most: each `<` that begins no closing tag."""
    return text.count("<") - text.count("</")


def _first_pass(source: ParsedPage, settings: DocumentsSettings) -> Verdict | None:
    words = words_at_most(source.layout, source.posts, settings.min_words)
    if words < settings.min_words:
        return Verdict("too_short" if words else "empty", float(words), "by the first pass")
    if found := foreign(source.layout, source.head.language, settings.languages):
        language, score = found
        return Verdict("language", score, "by the first pass", language, score)
    return None


def _measure(document: Extracted, settings: DocumentsSettings) -> Verdict:
    if not document.text:
        return Verdict("empty")
    words = count_words(document.text)
    if words < settings.min_words:
        return Verdict("too_short", float(words))
    language, score = identify(document.text)
    if settings.languages and language not in settings.languages:
        return Verdict("language", score, language=language, language_score=score)
    if settings.languages and score < settings.min_language_score:
        return Verdict("language_score", score, language=language, language_score=score)
    return Verdict("ok", float(words), "", language, score, document)
