"""What headers mean that are more than a word."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*(?:s(?:ec(?:ond)?s?)?\s*)?(?:,|$)", re.I)


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; 0 without one.

    Seconds are also read with a fraction, with their unit, and from the first of several headers.
    """
    if seconds := _SECONDS.match(value):
        return float(seconds[1])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
