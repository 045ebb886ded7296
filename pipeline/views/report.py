"""`webtext report`: one static page that shows what became of the links, and why.

Everything comes from manifests and tables by DuckDB; the page needs no network
and runs no script.  Texts of pages are hostile input: they are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.links.audit import SOURCE_COLUMNS, source_rows
from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Manifest
from pipeline.views.fertility import fertility
from pipeline.views.html import WebLink, bars, page, samples, table, waterfall
from pipeline.views.repeated import repeated_lines
from pipeline.views.report_tables import Tables
from pipeline.views.totals import text_totals, token_totals

REPORT = "report.html"
_TOP = 15  # rows of a ranking
_SAMPLES = 3  # documents shown for each reason
_CUT = 700  # characters shown of a document


@dataclass
class Section:
    """One part of the page: a title, a sentence, and its HTML."""

    title: str
    sentence: str
    body: str


def stage_manifests(corpus: Corpus) -> list[tuple[str, Manifest]]:
    """(stage, manifest) of every finished stage and interval, in order."""
    manifests = []
    for stage in STAGES[:-1]:
        for interval in corpus.intervals(stage):
            manifests.append((stage, corpus.require(stage, interval)))
    for name in corpus.token_stages():
        manifests += [(name, corpus.require(name, i)) for i in corpus.intervals(name)]
    return manifests


def write_report(corpus: Corpus) -> str:
    """Writes `report.html` into the corpus and returns its place."""
    manifests = stage_manifests(corpus)
    if not manifests:
        raise WebtextError(f"{corpus.root} holds no finished stage", "Run `webtext build` first")
    tables = Tables(corpus)
    sections = [
        *_warnings(manifests),
        *_totals(tables, manifests),
        _funnel(manifests),
        _drops(manifests),
        *_sources(manifests),
    ]
    for build in (
        _preferences,
        _hosts,
        _subreddits,
        _months,
        _languages,
        _rules,
        _lengths,
        _fertility,
        _duplicates,
        _passages,
        _repeated,
        _reasons,
    ):
        section = build(tables)
        if section is not None:
            sections.append(section)
    sections.append(_stages(manifests))
    path = files.join(corpus.root, REPORT)
    parts = [(s.title, s.sentence, s.body) for s in sections]
    files.write_bytes(path, page(f"Corpus {corpus.root}", parts).encode())
    return path


#: What comes through a stage, in words.
_FUNNEL = {
    "links": "links kept",
    "pages": "pages fetched",
    "documents": "with text",
    "quality": "that the rules accept",
    "corpus": "in the corpus",
}


def _warnings(manifests: Sequence[tuple[str, Manifest]]) -> list[Section]:
    rows = [(s, m.interval, warning) for s, m in manifests for warning in m.warnings]
    body = table(("stage", "interval", "warning"), rows)
    return [Section("Warnings", "What to know before the corpus is used.", body)] if rows else []


def _totals(tables: Tables, manifests: Sequence[tuple[str, Manifest]]) -> list[Section]:
    if not tables.has("corpus"):
        return []
    rows = [*text_totals(tables.database), *token_totals(manifests)]
    return [Section("Totals", "What is in the corpus, over all intervals.", table(("", ""), rows))]


def _sources(manifests: Sequence[tuple[str, Manifest]]) -> list[Section]:
    rows = [
        (manifest.interval, *row)
        for _, manifest in manifests
        for row in source_rows(manifest.audit)
    ]
    sentence = (
        "What was read. Shares are of scores, and of those that say when they were caught: young "
        "is less than 24 hours after a post or comment was made."
    )
    body = table(("interval", *SOURCE_COLUMNS), rows)
    return [Section("Sources of links", sentence, body)] if rows else []


def _funnel(manifests: Sequence[tuple[str, Manifest]]) -> Section:
    steps: dict[str, int] = {}
    for stage, manifest in manifests:
        if stage == "links":
            steps["addresses found"] = steps.get("addresses found", 0) + manifest.counts.seen
        if stage in _FUNNEL:
            label = _FUNNEL[stage]
            steps[label] = steps.get(label, 0) + manifest.counts.kept
    return Section("From links to corpus", "How many come through each stage.", waterfall(steps))


def _drops(manifests: Sequence[tuple[str, Manifest]]) -> Section:
    rows: dict[str, int] = {}
    decided = any(stage == "corpus" for stage, _ in manifests)
    for stage, manifest in manifests:
        if stage in ("quality", "dedup") and decided:
            continue  # the corpus stage names verdicts and duplicates as its own reasons
        for reason, n in manifest.counts.dropped.items():
            rows[f"{stage}: {reason}"] = rows.get(f"{stage}: {reason}", 0) + n
    ranked = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    return Section("Why the rest was dropped", "Each drop has exactly one reason.", bars(ranked))


def _preferences(tables: Tables) -> Section | None:
    """What hosts and pages prefer of their use; tables of older builds do not have it."""
    if not tables.has("fetches") or "preference" not in tables.columns("fetches"):
        return None
    rows = tables.ask(
        "SELECT preference_where, preference, CASE WHEN outcome LIKE 'opt_out_%' THEN 'left out' "
        "ELSE 'noted' END AS became, count(*), strftime(make_timestamp(max(preference_at) "
        "* 1000000), '%Y-%m-%d') FROM fetches WHERE preference <> '' GROUP BY ALL "
        f"ORDER BY count(*) DESC, 1, 2, 3 LIMIT {_TOP}"
    )
    sentence = "What robots.txt, headers and pages say of the use of their texts, most often first."
    body = table(("where", "preference", "page", "links", "last seen"), rows)
    return Section("Preferences and opt-outs", sentence, body) if rows else None


def _hosts(tables: Tables) -> Section | None:
    if not tables.has("links", "decisions"):
        return None
    rows = tables.ask(
        "SELECT l.host, count(*), count(*) FILTER (d.kept) FROM links l LEFT JOIN decisions d "
        f"USING (id) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    )
    body = table(("host", "links", "in the corpus"), rows)
    return Section("Hosts", f"The {_TOP} with the most links.", body)


def _subreddits(tables: Tables) -> Section | None:
    if not tables.has("links", "decisions"):
        return None
    rows = tables.ask(
        "SELECT m.subreddit, count(DISTINCT l.id), count(DISTINCT l.id) FILTER (d.kept) FROM "
        "(SELECT id, unnest(mentions) AS m FROM links) l LEFT JOIN decisions d USING (id) "
        f"WHERE m.subreddit <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    )
    body = table(("subreddit", "links", "in the corpus"), rows)
    return Section("Subreddits", f"The {_TOP} that link most.", body) if rows else None


def _months(tables: Tables) -> Section | None:
    if not tables.has("links", "fetches"):
        return None
    rows = tables.ask(
        "SELECT strftime(to_timestamp(l.first_seen), '%Y-%m'), count(*), "
        "count(*) FILTER (f.outcome = 'ok') FROM links l LEFT JOIN fetches f USING (id) "
        "GROUP BY 1 ORDER BY 1"
    )
    body = table(("first linked", "links", "still there"), rows)
    return Section("WebLink rot", "How many links still lead to a page, by month.", body)


def _languages(tables: Tables) -> Section | None:
    if not tables.has("documents"):
        return None
    rows = tables.ask(
        "SELECT language, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 15"
    )
    return Section("Languages", "Of the documents that were accepted.", bars(rows))


def _rules(tables: Tables) -> Section | None:
    """Whose rules documents were judged by; tables of older builds do not have it."""
    if not tables.has("verdicts") or "rules" not in tables.columns("verdicts"):
        return None
    rows = tables.ask(
        "SELECT language, CASE rules WHEN '' THEN 'only those that need no language' "
        "ELSE coalesce(rules, 'English, for any language') END, count(*), "
        "count(*) FILTER (reason = '') FROM verdicts GROUP BY 1, 2 "
        f"ORDER BY 3 DESC, 1 LIMIT {_TOP}"
    )
    sentence = "Thresholds and stop words are those of each document's language."
    body = table(("language", "rules of", "documents", "that they accept"), rows)
    return Section("Rules by language", sentence, body)


def _lengths(tables: Tables) -> Section | None:
    if not tables.has("corpus"):
        return None
    rows = tables.ask(
        "SELECT least(floor(log2(greatest(words, 1))), 17)::INT AS b, count(*) FROM corpus "
        "GROUP BY 1 ORDER BY 1"
    )
    named = [(f"{1 << b:,} to {(2 << b) - 1:,} words", n) for b, n in rows]
    return Section("Length", "Documents of the corpus by number of words.", bars(named))


def _fertility(tables: Tables) -> Section | None:
    if not tables.has("corpus"):
        return None
    rows = fertility(tables.corpus, tables.database)
    names = ("tokenizer", "by", "", "documents", "tokens a word", "bytes a token")
    sentence = "How many tokens a word takes, by language and domain: fewer is better."
    return Section("Fertility of the tokenizers", sentence, table(names, rows)) if rows else None


def _duplicates(tables: Tables) -> Section | None:
    if not tables.has("dedup", "documents"):
        return None
    rows = tables.ask(
        "SELECT k.url, count(*), round(min(d.similarity), 3) FROM dedup d JOIN documents k "
        f"ON k.id = d.kept_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    )
    names = ("kept document", "removed for it", "least similarity")
    body = table(names, [(WebLink(url), *numbers) for url, *numbers in rows])
    return Section("Largest clusters of duplicates", "What was kept for how many.", body)


def _passages(tables: Tables) -> Section | None:
    if not tables.has("passages", "documents"):
        return None
    rows = tables.ask(
        "SELECT k.url, p.pages, p.characters, substring(k.text, p.start + 1, 160) FROM "
        "(SELECT kept_id, count(DISTINCT id) AS pages, sum(stop - start)::BIGINT AS characters, "
        "arg_max(kept_start, (stop - start, id, start)) AS start "
        "FROM passages WHERE kept_id IS NOT NULL GROUP BY 1 "
        f"ORDER BY 2 DESC, 3 DESC, 1 LIMIT {_TOP}) p JOIN documents k ON k.id = p.kept_id "
        "ORDER BY 2 DESC, 3 DESC, k.id"
    )
    sentence = "Left out of pages since another one has them: which one, of how many."
    names = ("page that keeps them", "pages", "characters left out", "the longest")
    return (
        Section("Passages", sentence, table(names, [(WebLink(u), *r) for u, *r in rows]))
        if rows
        else None
    )


def _repeated(tables: Tables) -> Section | None:
    if not tables.has("documents"):
        return None
    rows = repeated_lines(tables.corpus, tables.database, _TOP)
    sentence = "Left out of the texts: on so many of the pages of their host that were looked at."
    body = table(("host", "of its pages", "line"), rows)
    return Section("Lines that repeat across a host", sentence, body) if rows else None


def _reasons(tables: Tables) -> Section | None:
    if not tables.has("decisions", "documents"):
        return None
    rows = tables.ask(
        "SELECT reason, id, url, value, threshold, left(text, "
        f"{_CUT}) FROM (SELECT d.*, x.url, x.text, row_number() OVER (PARTITION BY reason "
        "ORDER BY id) AS place FROM decisions d JOIN documents x USING (id)) "
        f"WHERE place <= {_SAMPLES} ORDER BY reason <> '', reason, place"
    )
    body = samples([(r or "kept", i, u, _versus(v, t), text) for r, i, u, v, t, text in rows])
    sentence = (
        f"{_SAMPLES} documents for each decision, chosen by hash. `webtext why` tells the life of "
        "one by its id, `webtext browse` shows all."
    )
    return Section("Samples", sentence, body)


def _versus(value: float | None, threshold: float | None) -> str:
    if value is None or threshold is None:
        return ""
    return f"{value:.4g} against {threshold:.4g}"


def _stages(manifests: Sequence[tuple[str, Manifest]]) -> Section:
    rows = [
        (
            stage,
            manifest.interval,
            manifest.runner,
            f"{manifest.seconds:,.1f} s",
            f"{manifest.size() / 1e6:,.1f} MB",
            manifest.fingerprint[:16],
        )
        for stage, manifest in manifests
    ]
    names = ("stage", "interval", "runner", "time", "size", "fingerprint")
    return Section("Stages", "As their manifests say.", table(names, rows))
