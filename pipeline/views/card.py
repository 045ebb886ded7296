"""The dataset card: `README.md` of a corpus, for whoever finds the folder without its makers.

It says what manifests say: sources, rules, counts, fingerprints, terms, how to load it.
Nothing in it is of the moment or the machine, so the same corpus has the same card.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from huggingface_hub.repocard_data import DatasetCardData

from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Counts, Manifest

CARD = "README.md"
#: In the first line of the text: a README of someone else is never written over.
_MARK = "<!-- Written by webtext from the manifests; changes are lost at the next build. -->"
#: Settings that people ask for first; all others are in the manifests.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "links": ("min_karma", "karma_rule", "kinds", "over_18", "since", "until", "blocklists"),
    "pages": ("source", "user_agent", "respect_ai_opt_out", "wayback", "max_bytes"),
    "documents": ("languages", "min_language_score", "min_words", "content_types"),
    "dedup": ("threshold", "fold", "keep", "against"),
    "corpus": ("pii", "takedown"),
}
#: The hubs' own names of sizes, each with the number of documents below which it holds.
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
)
_RIGHTS = """\
The texts belong to their authors, and being in this corpus gives nobody a right to them: each row
has its address, by which terms can be looked up."""
_FROM_REDDIT = """\
Pages whose robots.txt, headers or markup refused such use when they were fetched are not in it.
Links and scores come from Reddit, whose terms limit what its data may be used for. No user names
and no comment texts are stored."""
_PERSONAL = """\
Mail and IP addresses are replaced as the settings of `quality.pii` say; other personal data may be
left. `webtext forget` takes pages out."""


def write_card(corpus: Corpus) -> str | None:
    """Writes `README.md` into the corpus; returns its place, or None where another README is.

    A card that says the same already is not touched.
    Raises WebtextError for a corpus without a finished stage `links`.
    """
    path, text = files.join(corpus.root, CARD), card(corpus).encode()
    before = files.read_bytes(path) if files.exists(path) else None
    if before is not None and _MARK.encode() not in before:
        return None
    if before != text:
        files.write_bytes(path, text)
    return path


def card(corpus: Corpus) -> str:
    """The text of the card."""
    intervals = corpus.intervals("links")
    if not intervals:
        raise WebtextError(f"{corpus.root} holds no corpus", "Run `webtext build RECIPE` first")
    finished = [i for i in intervals if corpus.manifest("corpus", i) is not None]
    sections = [
        *_head(corpus, finished),
        "## Where it comes from",
        *_sources(corpus, intervals),
        "## How many came through",
        *_counts(corpus, intervals),
        "## Settings",
        *_settings(corpus, intervals[-1]),
        "## Shards",
        *_shards(corpus),
        "## Fingerprints",
        *_fingerprints(corpus, finished),
        "## How to load it",
        _LOADING,
        "## Terms",
        "\n".join([_RIGHTS, *([] if _is_of_texts(corpus) else [_FROM_REDDIT]), _PERSONAL]),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


_LOADING = """\
```python
import duckdb

texts = duckdb.sql("SELECT * FROM 'corpus/*/part-*.parquet'")
```

Those files hold the texts, one row a document: `id, url, title, date, karma, language, text,
words`; `_decisions-*` beside them say why each of the others is not there. Hugging Face
`datasets` loads the folder by its name. Files under `tokens/` are Megatron's indexed datasets.
`webtext why ROOT URL` tells the life of a link, `webtext verify ROOT` proves that all is as
recorded."""


def _head(corpus: Corpus, finished: Sequence[str]) -> Iterator[str]:
    documents = sum(corpus.require("corpus", interval).counts.kept for interval in finished)
    yield _front(corpus, documents) + _MARK
    yield f"# {_title(corpus)}: {documents:,} documents"
    yield f"Intervals: {', '.join(finished) or 'none is finished yet'}."


def _title(corpus: Corpus) -> str:
    """What it is made of: pages that links led to, or texts that were there already."""
    made_of = "given texts" if _is_of_texts(corpus) else "pages linked on Reddit"
    return f"A corpus of {made_of}"


def _is_of_texts(corpus: Corpus) -> bool:
    """Whether all of it was given as texts: nothing was linked or fetched."""
    pages = [corpus.require("pages", one) for one in corpus.intervals("pages")]
    return bool(pages) and all(one.settings.get("source") == "texts" for one in pages)


def _front(corpus: Corpus, documents: int) -> str:
    """What dataset hubs read, in the names of the Hugging Face Hub."""
    intervals = corpus.intervals("documents")
    settings = corpus.require("documents", intervals[-1]).settings if intervals else {}
    size = next((name for most, name in _SIZES if documents < most), "10B<n<100B")
    data = DatasetCardData(
        language=settings.get("languages") or None,  # empty: of any
        license="other",
        license_name="terms-of-each-page",
        license_link="#terms",
        pretty_name=_title(corpus),
        tags=["webtext"],
        task_categories=["text-generation"],
        size_categories=[size],
        configs=[{"config_name": "default", "data_files": "corpus/*/part-*.parquet"}],
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _sources(corpus: Corpus, intervals: Sequence[str]) -> Iterator[str]:
    rows = []
    for interval in intervals:
        links, pages = corpus.require("links", interval), corpus.manifest("pages", interval)
        named = ", ".join(f"`{name}`" for name in sorted(links.inputs))
        origin = f"; pages: {pages.settings['source']}" if pages else ""
        rows.append(f"- {interval}: {named}{origin}")
    yield "\n".join(rows)


def _counts(corpus: Corpus, intervals: Sequence[str]) -> Iterator[str]:
    """One table over all intervals."""
    rows = []
    for stage in STAGES[:-1]:
        manifests = [m for i in intervals if (m := corpus.manifest(stage, i)) is not None]
        total = sum((m.counts for m in manifests), Counts())
        drops = sorted(total.dropped.items(), key=lambda item: (-item[1], item[0]))
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in drops[:6])
        rows.append((stage, f"{total.seen:,}", f"{total.kept:,}", reasons))
    yield _table(("stage", "in", "kept", "dropped, most first"), rows)


def _settings(corpus: Corpus, interval: str) -> Iterator[str]:
    rows = []
    for stage, names in _SETTINGS.items():
        manifest = corpus.manifest(stage, interval)
        if manifest is not None:
            rows += [(f"{stage}.{name}", _plain(manifest.settings.get(name))) for name in names]
    yield f"Of {interval}; all are in each stage's `_manifest.json`."
    yield _table(("setting", "value"), rows)


def _shards(corpus: Corpus) -> Iterator[str]:
    rows = []
    for stage in corpus.token_stages():
        for interval in corpus.intervals(stage):
            extra = corpus.require(stage, interval).extra
            numbers = (extra["vocab_size"], extra["train_tokens"], extra["validation_tokens"])
            rows.append((f"`{stage}/{interval}`", *(f"{n:,}" for n in numbers)))
    yield (
        _table(("shards", "vocabulary", "tokens to train on", "for validation"), rows)
        if rows
        else "None yet."
    )


def _fingerprints(corpus: Corpus, finished: Sequence[str]) -> Iterator[str]:
    named: list[tuple[str, Manifest]] = []
    for stage in ("corpus", *corpus.token_stages()):
        manifests = ((stage, corpus.manifest(stage, interval)) for interval in finished)
        named += [(name, manifest) for name, manifest in manifests if manifest is not None]
    rows = [(f"`{name}/{m.interval}`", f"`{m.fingerprint}`") for name, m in named]
    yield _table(("", "what it says, as a hash (docs/formats.md of webtext)"), rows) if rows else ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; `|` in a cell would end it."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
