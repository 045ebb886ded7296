"""The JSON-LD of a page, as far as it can be read.

Much of it on the web is not valid: templates leave commas and comments in it and quotes without
their backslash, servers cut it, or escape it as if it were text of the page.  What the JSON decoder
refuses is read token by token instead, and what is open at the end is closed there.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from selectolax.lexbor import LexborNode

#: JSON-LD beyond this is not read: catalogues of shops.
_MOST_CHARS = 500_000
#: What stands between the scripts of a page: they are a sequence of JSON texts (RFC 7464).
SEPARATOR = "\x1e"
#: Deeper nesting is an attack; what follows it is not read.
DEEPEST = 60
#: A token: a comment, a mark, a string, or a word (true, 12, or what is no JSON).  A quotation mark
#: ends a string where JSON may go on behind it, or the text ends; all others are its own.
_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+)"
    r"|(?P<mark>[{}\[\]:,])"
    r'|"(?P<string>(?:[^"\\]++|\\.|"(?!\s*+'
    r'(?:[}\]:]|$|,\s*+["{}\[\]\d/tfn-]|"[@\w]++"\s*+:|/[/*])))*+)"?+'
    r'|(?P<word>[^\s"{}\[\]:,]++)',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def read_scripts(scripts: Iterable[LexborNode]) -> str:
    """All JSON-LD of a page's scripts as it is written, a SEPARATOR between them."""
    written = (
        _quoted(node.text(deep=True))
        for node in scripts
        if "ld+json" in (node.attributes.get("type") or "").lower()
    )
    return SEPARATOR.join(written)[:_MOST_CHARS]


def documents(json_ld: str) -> Iterator[Any]:
    """What the scripts say: objects, lists, strings; where it is no JSON, numbers are None."""
    for script in json_ld.split(SEPARATOR):
        try:
            yield json.loads(script, strict=False)
        except (ValueError, RecursionError):  # no JSON, or nested to fill the stack
            yield from _leniently(script)


def whole_characters(text: str) -> str:
    """Text with U+FFFD for halves of characters, which an escape may leave when it is cut."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _quoted(script: str) -> str:
    """A script that was escaped like text has all of its quotation marks as references."""
    return html.unescape(script) if '"' not in script else script


def _leniently(script: str) -> Iterator[Any]:
    reader = _TokenReader()
    for token in _TOKEN.finditer(script):
        kind = token.lastgroup
        if kind == "mark":
            reader.mark(token[0])
        elif kind == "string":
            reader.value(_unescaped(token["string"]))
        elif kind == "word":
            reader.value(None)
        if reader.too_deep:
            break
    yield from reader.documents


def _unescaped(written: str) -> str:
    def character(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])

    return _ESCAPE.sub(character, written)


class _TokenReader:
    """Documents from tokens; marks that are missing or too many are passed over."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str | None] = []  # of each open object: the key whose value is awaited
        self._is_named = False  # whether its colon was read

    @property
    def too_deep(self) -> bool:
        """Whether nesting is deeper than any page needs."""
        return len(self._open) > DEEPEST

    def mark(self, mark: str) -> None:
        """Takes in a mark of structure."""
        if mark == ":":
            self._is_named = True
        elif mark == ",":
            self._name(None)
        elif mark in "{[":
            opened: dict[str, Any] | list[Any] = {} if mark == "{" else []
            self.value(opened)
            self._open.append(opened)
            self._keys.append(None)
        else:
            self._close(dict if mark == "}" else list)

    def value(self, value: Any) -> None:
        """Takes in a string, an object, a list or None."""
        inside = self._open[-1] if self._open else self.documents
        if isinstance(inside, list):
            inside.append(value)
        elif (key := self._keys[-1]) is not None and self._is_named:
            inside[key] = value
            self._name(None)
        else:
            self._name(value if isinstance(value, str) else None)

    def _name(self, key: str | None) -> None:
        if self._keys:
            self._keys[-1] = key
        self._is_named = False

    def _close(self, kind: type) -> None:
        """Closes the innermost object or list with all that is open in it."""
        if any(isinstance(opened, kind) for opened in self._open):
            while not isinstance(self._open.pop(), kind):
                self._keys.pop()
            self._keys.pop()
        self._is_named = False
