"""PDF and plain text as content types."""

from __future__ import annotations

from datetime import date
from importlib.util import find_spec

import pytest

from pipeline.documents.page import Page
from pipeline.documents.pdf import extract_pdf, paragraphs, without_running
from pipeline.documents.plain import extract_plain
from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.verdict import verdict_on

TODAY = date(2026, 1, 1)
PROSE = "The committee met on Tuesday and heard from three of the engineers who built the bridge. "


def page(body: bytes, kind: str, url: str = "https://example.org/2019/11/18/a") -> Page:
    return Page(url, body, kind, TODAY)


def test_other_types_are_off_unless_asked_for() -> None:
    plain = page((PROSE * 3).encode(), "text/plain")
    assert verdict_on(plain, DocumentsSettings()).outcome == "content_type"
    verdict = verdict_on(plain, DocumentsSettings(content_types=("plain", "html")))
    assert (verdict.outcome, verdict.document.date) == ("ok", "2019-11-18")
    assert verdict.document.text == (PROSE * 3).rstrip()


def test_plain_text_keeps_its_lines() -> None:
    text = extract_plain(
        "\ufeffOne  \r\n  two\r\r\n\n\n\nthree\x00\f four\n", "https://e.org", TODAY
    )
    assert text.text == "One\n  two\n\nthree\n\n four"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        (["the river had been high-", "er than before"], ["the river had been higher than before"]),
        (["Short", "A line as wide as any"], ["Short", "A line as wide as any"]),
        (
            ["A first sentence of the text that", "ends here.", "Another one starts on this line."],
            ["A first sentence of the text that ends here.", "Another one starts on this line."],
        ),
        (
            ["Things that one needs:", "• a hammer", "• a nail of some length and", "boards"],
            ["Things that one needs:", "• a hammer", "• a nail of some length and boards"],
        ),
    ],
)
def test_lines_become_paragraphs(lines: list[str], expected: list[str]) -> None:
    assert list(paragraphs(lines)) == expected


def test_running_titles_and_page_numbers_go() -> None:
    pages = [
        ["The Bridge", f"text of {word}", "more of it", f"and of {word} more", f"- {n} -"]
        for n, word in enumerate(("spring", "summer", "autumn", "winter"))
    ]
    lines = list(without_running(pages))
    assert "The Bridge" not in lines
    assert not [line for line in lines if line.startswith("-")]
    assert lines[:3] == ["text of spring", "more of it", "and of spring more"]


def pdf(lines: list[str]) -> bytes:
    """A PDF of one page with these lines."""
    shown = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
    content = f"BT /F 12 Tf 72 720 Td {shown} ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        "/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Title(The bridge)/CreationDate(D:20191118101500Z)>>",
    ]
    out, places = "%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj{text}endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start, count = len(out), len(objects) + 1
    out += f"xref\n0 {count}\n0000000000 65535 f \n{table}"
    out += f"trailer<</Size {count}/Root 1 0 R/Info 6 0 R>>\nstartxref\n{start}\n%%EOF"
    return out.encode()


@pytest.mark.skipif(find_spec("pypdfium2") is None, reason="needs the extra pdf (pypdfium2)")
def test_pdf() -> None:
    body = pdf([PROSE.strip(), "The river had been higher that year than in any be-", "fore."])
    found = extract_pdf(body, TODAY)
    assert found.text == f"{PROSE}The river had been higher that year than in any before."
    assert (found.title, found.date) == ("The bridge", "2019-11-18")
    assert extract_pdf(body[:100], TODAY).text == ""
    settings = DocumentsSettings(content_types=("pdf",))
    assert verdict_on(page(body, "application/pdf"), settings).outcome == "ok"


@pytest.mark.skipif(find_spec("pypdfium2") is not None, reason="the extra pdf is installed")
def test_pdf_without_its_library_is_a_wrong_setting() -> None:
    with pytest.raises(ValueError, match=r"webtext\[pdf\]"):
        DocumentsSettings(content_types=("pdf",))
