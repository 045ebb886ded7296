"""What kind of file a body is: its label as browsers read it, then its first bytes."""

from __future__ import annotations

import pytest

from pipeline.store.media_type import kind_of, may_be, read_label, reads_as_text

#: Labels of the web platform tests (fetch/content-type), and of servers.
LABELS = [
    (["", "text/plain"], "text/plain", ""),
    (["text/plain", ""], "text/plain", ""),
    (["text/html", "text/plain"], "text/plain", ""),
    (["text/plain;charset=gbk", "text/html"], "text/html", ""),
    (["text/plain;charset=gbk", "text/html;charset=windows-1254"], "text/html", "windows-1254"),
    (["text/plain;charset=gbk", "text/plain"], "text/plain", "gbk"),
    (["text/html;charset=gbk", "text/plain", "text/html"], "text/html", ""),
    (["text/plain", "*/*"], "text/plain", ""),
    (["text/html", "*/*;charset=gbk"], "text/html", ""),
    (["*/*", "text/html"], "text/html", ""),
    (["text/html, text/html; charset=utf-8"], "text/html", "utf-8"),
    (["TEXT/HTML; CHARSET='UTF-8'"], "text/html", "UTF-8"),
    (["text/html charset=utf-8"], "text/html", "utf-8"),
    (["charset=utf-8"], "", "utf-8"),
    (['"text/html"'], "text/html", ""),
    (["html"], "", ""),
    (["text/"], "", ""),
    ([], "", ""),
]


@pytest.mark.parametrize(("values", "media_type", "charset"), LABELS)
def test_labels(values: list[str], media_type: str, charset: str) -> None:
    assert read_label(values) == (media_type, charset)


KINDS = [
    ("text/html", b"<p>", "html"),
    ("application/xhtml+xml", b"<p>", "html"),
    ("text/html", b"%PDF-1.7", "pdf"),
    ("application/pdf", b"%PDF-1.7", "pdf"),
    ("application/pdf", b"words", "other"),
    ("text/html", b"\x89PNG\r\n", "other"),
    ("image/png", b"<html>", "other"),
    ("application/json", b"{}", "other"),
    ("text/css", b"p { }", "other"),
    # Plain text, and HTML that is labelled so.
    ("text/plain", b"words", "plain"),
    ("text/plain", b"<p>words about HTML</p>", "plain"),
    ("text/plain", b"<!DOCTYPE html><p>", "html"),
    ("text/markdown", b"# Words", "plain"),
    # XML is a page only where its root is.
    ("application/xml", b'<?xml version="1.0"?>\n<!-- a --> <html xmlns="x">', "html"),
    ("text/xml", b"<rss version='2.0'>", "other"),
    ("text/xml", b"<htmlish>", "other"),
    # Labels that say nothing.
    ("", b"<p>words", "html"),
    ("", b"\xef\xbb\xbf \n<!-- a --><title>", "html"),
    ("", "<html>".encode("utf-16"), "html"),
    ("", b"words and <b>words</b>", "html"),
    ("", b"words alone", "plain"),
    ("", b"\x00\x01\x02", "other"),
    ("application/octet-stream", b"<!doctype html>", "html"),
    ("application/octet-stream", b"words alone", "other"),
    ("application/x-httpd-php", b"<html>", "html"),
]


@pytest.mark.parametrize(("media_type", "body", "kind"), KINDS)
def test_kinds(media_type: str, body: bytes, kind: str) -> None:
    assert kind_of(media_type, body) == kind
    assert kind == "other" or may_be(media_type, [kind]) or media_type == "text/html"


def test_what_no_label_makes_a_page_is_not_read() -> None:
    kinds = ["html", "plain", "pdf"]
    assert not any(may_be(one, kinds) for one in ("image/png", "video/mp4", "text/css"))
    assert may_be("application/pdf", kinds) and not may_be("application/pdf", ["html"])


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"words\r\n\t", True), (b"a\x00b", False), (b"\xff\xfea\x00", True), (b"\xe9", True)],
)
def test_text_is_told_from_other_bytes(body: bytes, text: bool) -> None:
    assert reads_as_text(body) is text
