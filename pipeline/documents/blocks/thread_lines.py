"""Lines that forum software writes between posts: notes of editing, buttons, names of the quoted.

They are told by their words, in English, where their elements have no names of their own; the
named ones of XenForo, FluxBB and others are in `names.py`.
"""

from __future__ import annotations

import re

#: Longer blocks are what somebody wrote.
MOST_WORDS = 12

#: XenForo, phpBB, IP.Board, vBulletin, MyBB: "Last edited: Jul 6, 2024", "Edited November 13, 2025
#: by NAME", "Last edited by NAME; 01-02-2024 at 09:03 AM.", and buttons;
#: what a template was to fill in.
_NOTE = re.compile(
    r"(last\s+)?edited(:|\s+by\b|\s+(on\s+)?(\w+\s+)?(?=\d))(?=.*\d).*"
    r"|click\s+to\s+(expand|shrink)\W*"
    r"|code:\s*select\s+all\W*"
    r"|view\s+attachment\s+\d+"
    r"|post\s+#\d+\s+of\s+\d+|thread\s+starter|\d+\s+(likes?|thanks)|\[\s*\d+\s*\]\s+thanks"
    r"|.*\band\s+\d+\s+others?\s+likes?\s+this\.?|join\s+to\s+see\s+exif\b.*"
    r"|advertisement\s+-\s+members\b.*|\{\{.*\}\}",
    re.IGNORECASE | re.DOTALL,
)
#: How notes begin, but for figures and "NAME and 3 others like this": most blocks begin otherwise.
_BEGINNING = 13
_FIRST_WORDS = (
    "last",
    "edited",
    "click",
    "code",
    "view",
    "post",
    "thread",
    "[",
    "join",
    "advert",
    "{{",
)
#: Of a quotation whose words these are: "NAME said:", "NAME wrote: ↑ Sat Feb 24", "Originally
#: posted by NAME".
_SPEAKER = re.compile(
    r".+\b(said|wrote):\s*\W?(\s*\w+,?\s+(\w+\s+)?\d.*)?|originally\s+posted\s+by\b.*",
    re.IGNORECASE | re.DOTALL,
)
#: The number of a post, which leads to it.
_NUMBER = re.compile(r"#\d{1,6}")


def is_thread_line(text: str, quoted: bool, linked: bool) -> bool:
    """Whether a block of at most `MOST_WORDS` words is such a line.

    `quoted` is one in a quotation, `linked` one that is a link.
    """
    begins = text[:_BEGINNING].lower()
    may_be_note = (
        begins.startswith(_FIRST_WORDS)
        or begins[:1].isdecimal()
        or not begins.isascii()
        or "other" in text.lower()
    )
    return bool(
        (may_be_note and _NOTE.fullmatch(text))
        or (quoted and _SPEAKER.fullmatch(text))
        or (linked and _NUMBER.fullmatch(text))
    )
