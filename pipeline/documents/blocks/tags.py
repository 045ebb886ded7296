"""What HTML elements mean to someone who reads the page: inline, block, never text, verbatim.

By the rendering section of the HTML standard (whatwg.org, "Rendering"): what it displays inline
stays within its line, all else begins a new block.  Unknown elements are inline, but custom ones
(their names have a hyphen) are blocks, since frameworks make whole parts of a page of them.
"""

from __future__ import annotations

INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data dfn em font i ins kbd label mark nobr output q rb "
    "ruby s samp slot small span strike strong sub sup time tt u var mjx-container "
    "mjx-assistive-mml".split()
)
#: Elements whose content a reader does not see, or uses and does not read.  `del` is text that was
#: taken back; `rt` is the reading aid beside a word; `mjx-math` is a formula in pieces of layout.
NEVER_TEXT = frozenset(
    "script style template svg iframe select option optgroup textarea canvas audio video "
    "map datalist progress meter head title link meta del input rt rp rtc noframes applet embed "
    "param "
    "source track colgroup col area base frame frameset mjx-math picture wbr".split()
)
#: White space is kept as it is in these.
VERBATIM = frozenset(("pre", "listing", "xmp", "plaintext"))

#: Elements that have a number of their own in features; all others are 0.
NUMBERED = tuple(
    "? html body div p span li ul ol dl dt dd h1 h2 h3 h4 h5 h6 table tbody thead tfoot tr td th "
    "caption section article main header footer nav aside form fieldset legend figure figcaption "
    "blockquote pre address details summary center noscript menu object hgroup dialog dir "
    "search".split()
)
NUMBER = {tag: number for number, tag in enumerate(NUMBERED)}
TAGS = len(NUMBERED)
#: The level of a heading by the number of its element.
HEADINGS = {NUMBER[f"h{level}"]: level for level in range(1, 7)}

#: Elements that tell something about all that lies in them, a bit each.
TELLING = tuple(
    "nav footer header aside article main form table ul ol dl figure blockquote pre section li h1 "
    "h2 h3 h4 noscript details td th figcaption address dialog".split()
)
BIT = {tag: 1 << place for place, tag in enumerate(TELLING)}
BIT["menu"] = BIT["dir"] = BIT["ul"]
#: No feature of a model, since few buttons are read at all (`buttons.py`).
BIT["button"] = 1 << len(TELLING)


def keeps_space(style: str | None) -> bool:
    """Whether a style keeps white space and the ends of lines as they are: `white-space: pre`."""
    if not style or "pre" not in style:
        return False
    style = style.replace(" ", "").lower()
    return "white-space:pre" in style and "white-space:pre-" not in style
