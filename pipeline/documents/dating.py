"""Days in text: numbers, and the names of months in some thirty languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

#: Names of months and their usual abbreviations, in lower case.
_MONTHS = (
    "january jan janvier janv januar jänner enero ene gennaio gen janeiro januari stycznia "
    "styczeń sty ocak января январь янв січня január januára ledna leden ianuarie tammikuuta "
    "يناير جانفي ιανουαρίου ינואר जनवरी",
    "february feb février févr fév februar feber febrero febbraio fevereiro fev februari "
    "lutego luty lut şubat февраля февраль фев лютого február februára února únor februarie "
    "helmikuuta فبراير فيفري φεβρουαρίου פברואר फरवरी",
    "march mar mars märz mrz maerz marzo março maart mrt marca marzec mart марта март мар "
    "березня március března březen martie maaliskuuta maret مارس μαρτίου מרץ मार्च",
    "april apr avril avr abril abr aprile kwietnia kwiecień kwi nisan апреля апрель апр "
    "квітня április dubna duben aprilie huhtikuuta أبريل افريل απριλίου אפריל अप्रैल",
    "may mai mayo maggio mag maio mei maja maj mayıs мая май травня május května květen "
    "toukokuuta مايو ماي μαΐου מאי मई",
    "june jun juin juni junio giugno giu junho czerwca czerwiec cze haziran июня июнь июн "
    "червня június června červen iunie kesäkuuta يونيو جوان ιουνίου יוני जून",
    "july jul juillet juil juli julio luglio lug julho lipca lipiec lip temmuz июля июль июл "
    "липня július července červenec iulie heinäkuuta يوليو جويلية ιουλίου יולי जुलाई",
    "august aug août aout agosto ago augustus augusti sierpnia sierpień sie ağustos августа "
    "август авг серпня augusztus srpna srpen elokuuta agustus أغسطس اغسطس αυγούστου אוגוסט "
    "अगस्त",
    "september sep sept septembre septiembre settembre set setembro września wrzesień wrz "
    "eylül сентября сентябрь сен сент вересня szeptember září septembrie syyskuuta سبتمبر "
    "σεπτεμβρίου ספטמבר सितंबर",
    "october oct octobre oktober okt octubre ottobre ott outubro out października październik "
    "paź ekim октября октябрь окт жовтня október října říjen octombrie lokakuuta أكتوبر "
    "اكتوبر οκτωβρίου אוקטובר अक्टूबर",
    "november nov novembre noviembre novembro listopada listopad lis kasım ноября ноябрь ноя "
    "нояб noiembrie marraskuuta نوفمبر νοεμβρίου נובמבר नवंबर",
    "december dec décembre déc dezember dez diciembre dic dicembre dezembro grudnia grudzień "
    "gru aralık декабря декабрь дек грудня prosince prosinec decembrie joulukuuta desember "
    "ديسمبر δεκεμβρίου דצמבר दिसंबर",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_NAME = r"([^\W\d_]{3,12})"
_YEAR = r"((?:19|20)\d\d)"
_YMD = re.compile(rf"(?<!\d){_YEAR}\s?[-/.年년]\s?(\d{{1,2}})\s?[-/.月월]\s?(\d{{1,2}})(?!\d)")
_PLAIN = re.compile(rf"(?<!\d){_YEAR}(\d\d)(\d\d)(?!\d)")
_NUMBERS = re.compile(
    r"(?<![\d.])(\d{1,2})(\s?[./-]\s?|\s[|]\s)(\d{1,2})\2((?:19|20)?\d\d)(?!\d|\.\d)"
)
_DMY = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|er|º|ª)?[\s-]+(?:de\s+|of\s+)?"
    rf"(?:[^\W\d_]{{3,12}}\s/\s)?{_NAME}\.?,?[\s-]+"  # "24 نيسان / أبريل 2020"
    rf"(?:del?\s+)?{_YEAR}(?!\d)",
    re.IGNORECASE,
)
_MDY = re.compile(
    rf"(?<![^\W_]){_NAME}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}(?!\d)", re.IGNORECASE
)
#: What is in every day: its year, or two of three numbers with the same between them …
_ANY = re.compile(r"(?:19|20)\d\d|\d\s?[-./|]\s?\d")
#: … and so many figures at least ("1/2/24").
FEWEST_FIGURES = 4
#: The web has no older pages; htmldate begins there as well.
FIRST = date(1995, 1, 1)


def find_day(text: str, latest: date, month_first: bool = False) -> date | None:
    """The day that a text names first, if it lies between FIRST and `latest`.

    `month_first` is how "3/5/2024" is read: as in the United States.
    """
    return next((day for day, _, _ in days_in(text, latest, month_first)), None)


def days_in(text: str, latest: date, month_first: bool = False) -> Iterator[tuple[date, int, int]]:
    """The days that a text names, with where they begin and end, the surest pattern first."""
    if not _ANY.search(text):
        return
    for pattern in (_YMD, _DMY, _MDY, _NUMBERS):
        for match in pattern.finditer(text):
            if day := _read(match, pattern, latest, month_first):
                yield day, match.start(), match.end()


def plain_day(text: str, latest: date) -> date | None:
    """The day of eight figures without a separator: "20240305"."""
    match = _PLAIN.search(text)
    return _day(int(match[1]), int(match[2]), int(match[3]), latest) if match else None


def _read(
    match: re.Match[str], pattern: re.Pattern[str], latest: date, month_first: bool
) -> date | None:
    if pattern is _YMD:
        return _day(int(match[1]), int(match[2]), int(match[3]), latest)
    if pattern is _DMY:
        return _day(int(match[3]), _MONTH.get(match[2].lower(), 0), int(match[1]), latest)
    if pattern is _MDY:
        return _day(int(match[3]), _MONTH.get(match[1].lower(), 0), int(match[2]), latest)
    year, first, second = int(match[4]), int(match[1]), int(match[3])
    year += 2000 if year < 100 else 0
    if match[2].strip() != "/" or not month_first:
        first, second = second, first
    return _day(year, first, second, latest) or _day(year, second, first, latest)


def _day(year: int, month: int, day: int, latest: date) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if FIRST <= found <= latest else None
