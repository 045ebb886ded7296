"""Archived pages are someone else's: nothing in them runs, connects, refreshes or sends."""

from __future__ import annotations

import pytest

from pipeline.browse.safe_markup import safe_html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>steal()</script>",
        "<SCRIPT src=//evil.example/x.js></SCRIPT>",
        "<img src=x onerror=steal()>",
        '<a href="javascript:steal()">x</a>',
        '<link rel=preconnect href="https://evil.example">',
        '<meta http-equiv=refresh content="0;url=https://evil.example">',
        '<base href="https://evil.example/">',
        "<iframe srcdoc='<script>steal()</script>'></iframe>",
        '<form action="https://evil.example"><input name=q></form>',
        '<button formaction="https://evil.example">x</button>',
        '<img srcset="https://evil.example/x 2x">',
        '<a ping="https://evil.example" href="#x">x</a>',
        '<object data="https://evil.example"></object>',
        '<svg><a xlink:href="https://evil.example"><text>x</text></a></svg>',
        '<video poster="https://evil.example/x.png"></video>',
        "<object><embed src=//evil.example><object><link href=//evil.example></object></object>",
        "<video><source src=//evil.example><track><script>steal()</script></video>",
        "<META HTTP-EQUIV=refresh content='0;url=//evil.example'>",
        "<noscript><img src=https://evil.example/x></noscript>",
    ],
)
def test_hostile_markup_is_gone(hostile: str) -> None:
    shown = safe_html(f"<p>before</p>{hostile}<p>after</p>")
    assert "evil.example" not in shown and "steal()" not in shown
    assert "<p>before</p>" in shown and "<p>after</p>" in shown


def test_the_page_itself_stays() -> None:
    page = '<title>T</title><style>p { color: red }</style><p id="a">x</p><a href="#a">up</a>'
    image = '<img src="data:image/png;base64,AA" alt="dot">'
    shown = safe_html(page + image)
    assert all(part in shown for part in ("color: red", 'href="#a"', "data:image/png", "T</title>"))
