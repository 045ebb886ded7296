"""Personal data in text: mail and public IP addresses, numbers of phones, cards, accounts, keys.

Found by patterns with checks behind them (issuer, length and Luhn's digit for cards, country,
length and check digits for accounts, `ipaddress` for what is public), so counts are estimates.
Each kind has a mark that can stand in its place.

A wrong find spoils the text, and dotted numbers are versions and sections far more often than
addresses: of 705 finds of a plain pattern in 2,374 manual pages some 50 were addresses.  So a
number of four parts is no address behind a word such as "version", as the number of a heading,
or with all parts below 40 (of public addresses 7 in 10,000 are such).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import ClassVar, Final, Literal

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?!\d+\.\d+|\dx\.[a-z]+(?!\.?\w))(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z]{2,24}(?![\w@-])"
)
#: Endings of file names that are no top-level domains: `logo@home.png`.
_FILES = frozenset(
    "avif bmp css exe gif htm html ico jpeg jpg js json pdf png svg tif tiff txt webp xml".split()
)
# IPv4, or IPv6 in 2000::/3, all that IANA has given out of it: `a::b` of C++ is no address.
_IP = re.compile(
    r"(?<![\w.])(?<![Vv]ersion )(?<![Vv]ersions )(?<![Vv]ersion: )(?<![Ss]ection )(?<![Ss]ections )"
    r"(?<![Rr]elease )(?<![Bb]uild )(?<![Ff]irmware )(?<![Dd]river )(?<![Uu]pdate )(?<!\w/)(?<!==)"
    r"(?!(?<![^\n])(?:\d{1,3}\.){4}\s)(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)"
    r"|(?<![\w:.])[23][0-9A-Fa-f]{3}(?=:)(?:::?[0-9A-Fa-f]{1,4}){0,7}(?:::)?(?!\w|:\w)"
)
_LEAST_PART = 40  # the greatest part of an IPv4 address is no less
_CARD = re.compile(r"(?<![\w.-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}(?![\w-]|\.\d)")
# With a country code, or North American with area code; bare digits are mostly no phone.
_PHONE = re.compile(
    r"(?<![\w+.])\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,5}(?!\w)"
    r"|(?<![\w.-])\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4}(?![\w-]|\.\d)"
)
# With hyphens, or behind its name: nine digits are mostly something else.
_SOCIAL_SECURITY = re.compile(
    r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-]|\.\d)"
    r"|(?:(?<=SSN )|(?<=SSN: )|(?<=[Ss]ecurity number )|(?<=[Ss]ecurity number: ))"
    r"\d{3} ?\d{2} ?\d{4}(?![\w-]|\.\d)"
)
# Formats as their issuers document them: AWS, GitHub, GitLab, Google, Slack, Stripe, npm, OpenAI,
# Anthropic, Hugging Face, JSON Web Tokens, PEM.
_SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{60,255}\b"
    r"|\bAIza[0-9A-Za-z_-]{35}\b"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,250}"
    r"|\b[sr]k_live_[0-9A-Za-z]{20,250}\b"
    r"|\bglpat-[A-Za-z0-9_-]{20,60}|\bnpm_[A-Za-z0-9]{36}\b"
    r"|\bsk-(?:proj|svcacct|admin|ant)-[A-Za-z0-9_-]{20,250}|\bsk-[A-Za-z0-9]{48}\b"
    r"|\bhf_[A-Za-z0-9]{34,40}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"
    r"|-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY-----[A-Za-z0-9+/=\s]{20,8000}"
    r"-----END (?:[A-Z]{2,10} )?PRIVATE KEY-----"
)


def is_secret(key: str) -> bool:
    """False for what stands in a key's place: `sk-proj-your-key-goes-here`, `hf_XXXX…`."""
    if not key.startswith(("sk-", "hf_")):
        return True
    random = re.sub(r"^(?:hf_|sk-(?:[a-z]+-)?)", "", key)
    return random != random.lower() and random != random.upper() and len(set(random)) > 8


def is_email(address: str) -> bool:
    """False for the name of a file, such as `logo@home.png`."""
    return address.rpartition(".")[2].lower() not in _FILES


def is_public(address: str) -> bool:
    """True for an address of the public internet that cannot be a version such as 120.0.0.0."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6:
        return parsed.is_global
    return parsed.is_global and max(parsed.packed) >= _LEAST_PART and any(parsed.packed[1:])


#: First digits and length by issuer (ISO/IEC 7812-1's ranges): Visa, Mastercard, American
#: Express, Diners Club, Discover, JCB, Maestro.  Time stamps of 14 digits are none of them.
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7]\d\d)\d{12,14}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d)\d{12}|35\d{14}|(?:50|6[37])\d{14}"
)


def is_card(number: str) -> bool:
    """True for a number that an issuer of cards may have given out."""
    return _ISSUED.fullmatch(re.sub(r"\D", "", number)) is not None and luhn(number)


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1's check digit, for 13 to 19 digits that are not all the same."""
    digits = [int(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


#: Characters of an account number by country: the registry of ISO 13616.
_IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip


def _account_pattern() -> re.Pattern[str]:
    """Groups of four, with a space, a hyphen or nothing between them."""
    by_length = []
    for length, countries in _IBAN_LENGTHS.items():
        fours, rest = divmod(length - 4, 4)
        last = f"[ -]?[A-Z0-9]{{{rest}}}" if rest else ""
        names = countries.replace(" ", "|")
        by_length.append(rf"(?:{names})\d\d(?:[ -]?[A-Z0-9]{{4}}){{{fours}}}{last}(?![A-Za-z0-9])")
    return re.compile(rf"(?<![A-Za-z0-9])(?=[A-Z]{{2}}\d\d)(?:{'|'.join(by_length)})")


_ACCOUNT = _account_pattern()


def is_account(number: str) -> bool:
    """ISO 7064's check digits (mod 97) of an IBAN."""
    plain = re.sub(r"[ -]", "", number)
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def is_social_security(number: str) -> bool:
    """False for what the Social Security Administration has never given out.

    No part is all zeros; the first is neither 666 nor 900 or more; two were printed in
    advertisements.
    """
    digits = re.sub(r"\D", "", number)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    never = area in ("000", "666") or area >= "900" or group == "00" or serial == "0000"
    return not never and digits not in ("078051120", "219099999")


def _is_phone(text: str) -> bool:
    """ITU-T E.164: at most 15 digits; fewer than 8 would be anything."""
    return 8 <= sum(map(str.isdigit, text)) <= 15


_SECRET_HINTS = (
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "AIza",
    "xox",
    "k_live_",
    "glpat-",
    "npm_",
    "sk-",
    "hf_",
    "eyJ",
    "-----BEGIN",
)
#: A text without a run of 7 digits and separators holds neither a phone nor a card number.
_DIGITS = re.compile(r"\d[\d ().-]{6}")
#: What every address of IPv4 holds, and how one of IPv6 begins.
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_COLON = re.compile(r"[23][0-9A-Fa-f]{3}:")
_HYPHENS = re.compile(r"\d{3}-\d\d-\d{4}")
#: How an account number begins.
_COUNTRY = re.compile(r"[A-Z]{2}\d\d[ -]?[A-Z0-9]{4}")

#: (kind, pattern, check, mark), in the order of replacement.
_KINDS: Final[tuple[tuple[str, re.Pattern[str], Callable[[str], bool], str], ...]] = (
    ("secrets", _SECRET, is_secret, "<secret>"),
    ("emails", _EMAIL, is_email, "<email>"),
    ("public_ips", _IP, is_public, "<ip>"),
    ("accounts", _ACCOUNT, is_account, "<account>"),
    ("social_security", _SOCIAL_SECURITY, is_social_security, "<ssn>"),
    ("cards", _CARD, is_card, "<card>"),
    ("phones", _PHONE, _is_phone, "<phone>"),
)
#: What stands in the place of each kind.
MARKS = {kind: mark for kind, _, _, mark in _KINDS}


Kind = Literal["emails", "public_ips", "accounts", "social_security", "phones", "cards", "secrets"]


class PersonalDataSettings(Limits):
    """Personal data: replaced by a mark (`<email>`), or the document dropped by a threshold."""

    replace: tuple[Kind, ...] = (
        "emails",
        "public_ips",
        "accounts",
        "social_security",
        "cards",
        "secrets",
    )
    """Which kinds a mark takes the place of.  FineWeb (arXiv 2406.17557) replaces e-mail and
    public IP addresses; accounts, cards and keys are as well here.  Phones stay: most finds are
    none."""
    max_emails: Limit = False
    """Most e-mail addresses."""
    max_public_ips: Limit = False
    """Most public IP addresses."""
    max_phones: Limit = False
    """Most phone numbers."""
    max_accounts: Limit = False
    """Most numbers of bank accounts (IBAN)."""
    max_social_security: Limit = False
    """Most social security numbers of the United States."""
    max_cards: Limit = False
    """Most numbers of payment cards."""
    max_secrets: Limit = False
    """Most keys and tokens, such as those of AWS, GitHub, OpenAI and Hugging Face."""

    editing: ClassVar[frozenset[str]] = frozenset({"replace"})


class PersonalData(Measure):
    """Columns, rules and replacements of `[quality.pii]`."""

    settings = PersonalDataSettings
    version = "2"
    columns = tuple(f"pii_{kind}" for kind in MARKS)
    rank = 110
    edits = True

    def __init__(self, settings: PersonalDataSettings) -> None:
        super().__init__(settings)
        self._replace = settings.replace

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """The number of each kind in the text."""
        possible = _possible(pieces.text)
        return {
            f"pii_{kind}": float(sum(check(m[0]) for m in pattern.finditer(pieces.text)))
            if kind in possible
            else 0.0
            for kind, pattern, check, _ in _KINDS
        }

    def edit(self, text: str) -> str:
        """The text with a mark for each find."""
        return replace(text, self._replace)


def _possible(text: str) -> set[str]:
    """The kinds that a text can hold, told by cheap signs."""
    possible = set()
    if any(hint in text for hint in _SECRET_HINTS):
        possible.add("secrets")
    if "@" in text:
        possible.add("emails")
    if _DOTTED.search(text) or _COLON.search(text):
        possible.add("public_ips")
    if _DIGITS.search(text):
        possible |= {"cards", "phones"}
    if _HYPHENS.search(text) or "SSN" in text or "ecurity number" in text:
        possible.add("social_security")
    if _COUNTRY.search(text):
        possible.add("accounts")
    return possible


def replace(text: str, kinds: Iterable[str]) -> str:
    """The text with each find of these kinds replaced by its mark (`<email>`)."""
    wanted = set(kinds) & _possible(text)
    for kind, pattern, check, mark in _KINDS:
        if kind in wanted:
            text = pattern.sub(_marker(check, mark), text).replace(f"<{mark}>", mark)
    return text


def _marker(check: Callable[[str], bool], mark: str) -> Callable[[re.Match[str]], str]:
    return lambda match: mark if check(match[0]) else match[0]
