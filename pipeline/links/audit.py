"""What the sources of a build held, and what a user should know of it.

The audit is part of the manifest: a row for each source, and one for each month of posts and of
comments (`posts 2024-01`).  Warnings follow from it alone, so they are the same on every runner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.links.months import month_shares
from pipeline.store.manifest import Audit, Manifest

#: The tables of the audit.
SOURCES, MONTHS = "sources", "score months"

#: Of a source: how many of its links are of texts that are there already.
TEXTS = "texts"

#: More bad lines, or links without an address, than this share of a source are worth a warning.
_BAD = 0.05
#: Of the scores of a month that say when they were read, the share of young ones that matters.
#: Reddit hides at most 5.1 % of the scores of posts and 2.9 % of those of comments in the public
#: dumps of months that were read late (`MEANS` has the source).
_YOUNG = 0.1
#: The share at score 1 from which on a month was read young, whatever it says.
_ALL_ONES = 0.9
_FEWEST, _FEWEST_UNDATED = 20, 100  # records; fewer say nothing, with and without a time

#: Mean score by year in the public dumps of whole months, of posts and of comments: the mean of the
#: monthly means that ArthurHeitmann/arctic_shift publishes (`schemas/RS` and `RC`, field `score`,
#: 2005-06 to 2026-01), without the months that were read when things were made: 2023-07 to
#: 2023-10, and of posts 2024-03, with means of 1.0 to 10.2 and 1.0 to 2.8.
MEANS = {
    "posts": {
        2005: 6.7, 2006: 6.8, 2007: 7.4, 2008: 6.6, 2009: 5.9, 2010: 9.2, 2011: 15.0, 2012: 25.6,
        2013: 30.3, 2014: 27.6, 2015: 26.9, 2016: 30.4, 2017: 52.0, 2018: 68.2, 2019: 83.9,
        2020: 86.1, 2021: 69.5, 2022: 54.0, 2023: 41.2, 2024: 36.6, 2025: 43.3, 2026: 40.2,
    },
    "comments": {
        2005: 1.6, 2006: 2.5, 2007: 3.3, 2008: 3.4, 2009: 3.8, 2010: 3.9, 2011: 4.2, 2012: 5.0,
        2013: 5.7, 2014: 5.3, 2015: 5.7, 2016: 6.1, 2017: 8.1, 2018: 9.0, 2019: 8.1,
        2020: 7.4, 2021: 7.2, 2022: 7.7, 2023: 7.4, 2024: 6.6, 2025: 6.1, 2026: 5.8,
    },
}  # fmt: skip

Row = Mapping[str, int]


#: The names of the columns of `source_rows`.
SOURCE_COLUMNS = ("source", "lines", "bad lines", "links", "at score 1", "caught young")


def source_lines(audit: Audit) -> list[str]:
    """`source_rows` below their names, as lines of text in columns; empty columns are left out."""
    rows = source_rows(audit)
    named = [column for column in zip(SOURCE_COLUMNS, *rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in named]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in zip(*named, strict=True)
    ]


def source_rows(audit: Audit) -> list[tuple[str, ...]]:
    """A row for each source: its name, numbers, and shares where there are scores."""
    return [
        (
            name,
            f"{row['lines']:,}",
            f"{row['bad_lines']:,}",
            f"{row['mentions']:,}",
            _share(row.get("score_1", 0), row.get("scored", 0)),
            _share(row.get("young", 0), row.get("dated", 0)),
        )
        for name, row in sorted(audit.get(SOURCES, {}).items())
    ]


def warnings_of(manifest: Manifest) -> list[str]:
    """What a user should know of the links of an interval, a sentence each."""
    early = early_months(manifest.audit)
    return [
        *_of_sources(manifest.audit.get(SOURCES, {})),
        *(line for kind, months in early.items() for line in _of_early(kind, months)),
        *_of_same_address(manifest),
        *_of_odd(manifest, {month for months in early.values() for month in months}),
    ]


def early_months(audit: Audit) -> dict[str, dict[str, Row]]:
    """The months whose scores were caught too early: kind -> month -> numbers."""
    months: dict[str, dict[str, Row]] = {}
    for name, row in audit.get(MONTHS, {}).items():
        kind, month = name.split()
        if is_early(kind, month, row):
            months.setdefault(kind, {})[month] = row
    return months


def is_early(kind: str, month: str, row: Row) -> bool:
    """Whether the scores of a month were read before there was anything to read.

    `kind` is `posts` or `comments`, `row` holds the numbers of `scores.COLUMNS`.  Where the
    records say when they were read, a tenth of them must have been young, and the scores must
    show it: hidden as often, nearly all at 1, or half of what they are in the dumps of that year.
    A month whose scores were asked for again is not.
    """
    if row["rescored"]:
        return False
    scored, ones = row["scored"], _is_all_ones(row)
    if row["dated"] < scored / 2:
        return ones and scored >= _FEWEST_UNDATED
    if scored < _FEWEST or row["young"] < _YOUNG * row["dated"]:
        return False
    low = row["score_sum"] < scored * typical_mean(kind, month) / 2
    return ones or low or row["hidden"] >= _YOUNG * scored


def _is_all_ones(row: Row) -> bool:
    return row["scored"] > 0 and row["score_1"] >= _ALL_ONES * row["scored"]


def typical_mean(kind: str, month: str) -> float:
    """The mean score of a month's year in dumps that read it late; the nearest year's beyond."""
    years = MEANS[kind]
    return years[min(max(int(month[:4]), min(years)), max(years))]


def _of_sources(sources: Mapping[str, Row]) -> Iterator[str]:
    for number, (name, row) in enumerate(sorted(sources.items())):
        lines, bad = row["lines"], row["bad_lines"]
        if bad > _BAD * lines:
            yield (
                f"{name}: {bad:,} of {lines:,} lines ({_share(bad, lines)}) are no records of its "
                f"kind; the first are kept in {rejected_name(number)}"
            )
        if row.get("no_address", 0) > _BAD * row["mentions"]:
            yield (
                f"{name}: {row['no_address']:,} of {row['mentions']:,} links "
                f"({_share(row['no_address'], row['mentions'])}) are no addresses of the web, such "
                "as http://example.org/page"
            )
        if not row["mentions"]:
            hidden = row.get("hidden", 0)
            reason = f"; {hidden:,} scores were hidden: `webtext rescore` asks again"
            yield f"{name}: no link in {lines:,} lines{reason if hidden else ''}"


def _of_early(kind: str, months: Mapping[str, Row]) -> Iterator[str]:
    whole = {month: row for month, row in months.items() if _is_all_ones(row)}
    partly = {month: row for month, row in months.items() if month not in whole}
    for how, chosen in (("", whole), (" in part", partly)):
        if chosen:
            yield (
                f"Scores of {kind} were caught too early{how} in {_listed(kind, chosen)}: a "
                "threshold on karma loses their links; `webtext rescore` asks for them again, or "
                "use a later dump"
            )


def _of_same_address(manifest: Manifest) -> Iterator[str]:
    """Texts that share an address are one page, so that only one of them is taken."""
    rows = manifest.audit.get(SOURCES, {}).values()
    texts, links = (sum(row.get(name, 0) for row in rows) for name in (TEXTS, "mentions"))
    lost = texts - manifest.counts.seen
    if texts == links and lost > 0:
        yield (
            f"{lost:,} of {texts:,} texts have the address or the name of another and are left "
            "out; name a column as pages.texts.id that differs in each, or none"
        )


def _listed(kind: str, months: Mapping[str, Row]) -> str:
    return ", ".join(
        f"{month} ({_share(row['score_1'], row['scored'])} at score 1, mean "
        f"{row['score_sum'] / row['scored']:.1f}; {typical_mean(kind, month):.1f} in late dumps)"
        for month, row in sorted(months.items())
    )


def _of_odd(manifest: Manifest, early: set[str]) -> Iterator[str]:
    shares = month_shares(manifest.extra)
    odd = [f"{m.month} ({m.share:.0%})" for m in shares if m.out_of_line and m.month not in early]
    if odd:
        yield (
            f"The share of pages with enough karma is out of line in {', '.join(odd)}: scores may "
            "have been caught too early; `webtext rescore` asks for them again, or use a later dump"
        )


def rejected_name(number: int) -> str:
    """The file that keeps the bad lines of source `number`, in order of names."""
    return f"rejected-{number:05d}.jsonl"


def _share(part: int, of: int) -> str:
    return f"{part / of:.0%}" if of else ""
