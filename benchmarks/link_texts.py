"""Links in Markdown: the time of a text, the parser's part of it, and the slowest hostile text.

    python -m benchmarks.link_texts DUMP…

Texts are the self texts or bodies of dumps that hold an address.  Times are of the processor,
the best of five.  Hostile texts are made here: one piece of Markdown or two, again and again,
to 40,000 characters, the most that Reddit takes.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import product

import orjson
import pyromark

from benchmarks.links import best
from pipeline.links.dumps import blocks, lines
from pipeline.links.markdown import links_in

MOST = 40_000
PIECES = (
    "http:// http://a.io http://a.io/( http://a.io/[ http://a.io/{ http://a.io/' http://a-a. "
    "http://a:b@c.io http://a.io/_ http://a.io/* http://ä.io/ www. www.a.io :// [ [a]( [a][ ![a]( "
    "](http://a.io [a](http://a.io/ ](<http://a [a]:http://a.io * _ **a `http://a.io ``` ~~~ < "
    "<http:// <!-- &amp; &amp;nbsp &#x200B; \\ \\/ http:/\\/ > - # | \u200b a"
).split()
ENDS = ["", " ", "\n", "\n\n", "\n> ", "\n    ", "(", "*", "&"]


def linked_texts(path: str) -> list[str]:
    """The texts of a dump with an address."""
    found = []
    for block in blocks(path, accept_cut=True):
        for _, line in lines(block):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            text = row.get("body") or row.get("selftext") or ""
            found += [text] if "://" in text else []
    return found


def hostile_texts() -> dict[str, str]:
    """What is repeated, and the text."""
    pieces = [piece + end for piece, end in product(PIECES, ENDS)]
    texts = {piece: (piece * MOST)[:MOST] for piece in pieces}
    return {piece: f"{text} http://e.com" for piece, text in texts.items()}


def measured(path: str) -> str:
    """How long the texts of a dump take, a text."""
    texts = linked_texts(path)
    whole, parsed = best(
        lambda: [links_in(text) for text in texts], lambda: [pyromark.html(text) for text in texts]
    )
    return (
        f"{path.rsplit('/', 1)[-1]}: {len(texts):,} texts of "
        f"{sum(map(len, texts)) // len(texts):,} characters, {whole / len(texts) * 1e6:.1f} us "
        f"a text; the parser alone {parsed / len(texts) * 1e6:.1f}"
    )


def main() -> None:
    """Prints a line for each dump and one for the hostile texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dumps", nargs="*")
    for path in parser.parse_args().dumps:
        print(measured(path))
    texts = hostile_texts()
    times = best(*(partial(links_in, text) for text in texts.values()), rounds=1)
    took, piece = max(zip(times, texts, strict=True))
    print(f"{len(texts)} hostile texts: the slowest, of {piece!r}, {took:.2f} s")


if __name__ == "__main__":
    main()
