"""Short lines that sites write around and between texts, told by their words, in English.

Buttons and labels of lists and shops, and what a site says about a page: "Advertisement", "Last
updated on …", "5 min read".
"""

from __future__ import annotations

import re

#: Longer blocks are told by other things.
MOST_WORDS = 30
_DATE = r"(?:\w+ \d{1,2},? \d{4}|\d{1,2} \w+ \d{4}|\d{4}-\d\d-\d\d)"
_ANYWHERE = re.compile(
    r"(?:last )?(?:updated|modified|published|reviewed)(?: on)?:? " + _DATE + r"\W*"
    r"|\d+ min(?:ute)?s?\.? read\W*"
    r"|advertisements?"
    r"|(?:link )?copied\W*"
    r"|except as otherwise noted, the content of this page is licensed\b.*"
    r"|this page was last (?:modified|updated|edited)\b.*"
    r"|loading(?: recommendations)?\W*"
    r"|(?:read|show|see|view) (?:more|less)\W*(?:read|show|see|view) (?:more|less)\W*"
    r"|read less\W*|show (?:more|less)\W*|view (?:all|more) details\W*|quick view\W*"
    r"|add to (?:cart|bag|wish ?list|compare)\W*|calculate shipping\W*|choose an option\W*"
    r"|(?:please )?select a size\W*|write a review\W*|was this helpful\W*|back to top\W*"
    r"|skip listing\W*|image unavailable\W*|opens in a new window\W*",
    re.IGNORECASE | re.DOTALL,
)
#: What is a label where a page has it several times.
_REPEATED = re.compile(
    r"(?:compare|comparer|learn more|read more|read entire review"
    r"|read (?:the )?full (?:review|story|article)|more in this category|where to buy|buy now"
    r"|shop now|shop all|see more|see all|see details|view (?:more|all|details)|more options"
    r"|sponsored|promoted|copy(?: code(?: block)?)?|reply|share|save|follow|add to list|sign up"
    r"|get started|more from this brand|more in this region|continue reading|details|new|(?:new){2}"
    r"|more info|feedback|helpful|report|sold out)\W*",
    re.IGNORECASE,
)


#: How those of `_ANYWHERE` begin, but for figures: most blocks begin otherwise.
_BEGINNING = 10
_FIRST_WORDS = tuple(
    "last updat modif publish review advert link copied except this loading read show see view "
    "quick add calculate choose please select write was back skip image opens".split()
)


def is_interface_line(text: str, repeated: bool) -> bool:
    """Whether a block of at most `MOST_WORDS` words is such a line; `repeated` ones stand several
    times on the page."""
    begins = text[:_BEGINNING].lower()
    return bool(
        (
            (begins.startswith(_FIRST_WORDS) or begins[:1].isdecimal() or not begins.isascii())
            and _ANYWHERE.fullmatch(text)
        )
        or (repeated and _REPEATED.fullmatch(text))
    )
