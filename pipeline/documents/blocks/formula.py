"""Formulas as text: TeX where the page has it, else a line made of its MathML."""

from __future__ import annotations

from selectolax.lexbor import LexborNode

#: MediaWiki wraps its TeX in this.
_WRAPPED = "{\\displaystyle"
#: Pictures of formulas in WordPress, MediaWiki and others, whose `alt` is TeX.
_PICTURES = frozenset(
    "latex tex mwe-math-fallback-image-inline mwe-math-fallback-image-display".split()
)
_SPACED = frozenset("=<>≤≥≠≈∈→+−-×±≡")
#: Elements of two parts, and what stands between them on a line.
_BETWEEN = {"mfrac": "/", "msup": "^", "mover": "^", "msub": "_", "munder": "_"}
#: What stands between the rows and the cells of a matrix.
_SEPARATORS = {"mtable": "; ", "mtr": " "}
_DEEPEST = 60


def formula(node: LexborNode) -> str:
    """The text of a <math> element."""
    tex = node.css_first('annotation[encoding="application/x-tex"]')
    text = tex.text(deep=True) if tex is not None else node.attributes.get("alttext")
    return unwrap(text) if text else _line(node, 0)


def pictured(image: LexborNode) -> str:
    """The TeX of a formula that is a picture; empty where it is none, or stands beside it."""
    names = (image.attributes.get("class") or "").split()
    if not _PICTURES.intersection(names):
        return ""
    above = image.parent
    if above is not None and above.css_first("math") is not None:
        return ""
    return unwrap(image.attributes.get("alt") or "")


def unwrap(tex: str) -> str:
    """TeX on one line, without the wrapper that MediaWiki puts around it."""
    tex = " ".join(tex.split())
    if tex.startswith(_WRAPPED) and tex.endswith("}"):
        return tex[len(_WRAPPED) : -1].strip()
    return tex


def _line(node: LexborNode, depth: int) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return " ".join((node.text_content or "").split())
    if tag in ("annotation", "annotation-xml") or depth > _DEEPEST:
        return ""
    parts = [part for child in node.iter(include_text=True) if (part := _line(child, depth + 1))]
    return _joined(tag, parts)


def _joined(tag: str, parts: list[str]) -> str:
    """The parts of an element on one line."""
    if tag == "msqrt":
        return "√" + _grouped("".join(parts))
    if tag == "mroot" and len(parts) == 2:
        return f"{_grouped(parts[0])}^(1/{parts[1]})"
    if tag in _BETWEEN and len(parts) == 2:
        first = _grouped(parts[0]) if tag == "mfrac" else parts[0]
        return first + _BETWEEN[tag] + _grouped(parts[1])
    if tag in ("msubsup", "munderover") and len(parts) == 3:
        return f"{parts[0]}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if tag == "mo" and "".join(parts) in _SPACED:
        return f" {parts[0]} "
    return _SEPARATORS.get(tag, "").join(parts)


def _grouped(part: str) -> str:
    """A part of more than a word in brackets, so that the line can be read only one way."""
    return part if part.isalnum() or len(part) < 2 else f"({part})"
