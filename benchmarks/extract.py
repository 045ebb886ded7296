"""Extraction beside trafilatura's default: quality, throughput, and what the first pass loses.

    python benchmarks/extract.py [--data FOLDER] [--pages N] [--models FILE] [KIND ...]

KIND is wcxb, quality, frame, speed, prefilter or language; without one all are measured.

`FOLDER/extraction` holds pages (`ID.html.gz`) and `ground-truth.json` in the layout of the
article extraction benchmark (https://github.com/scrapinghub/article-extraction-benchmark),
`FOLDER/pages/docs.warc.gz` an archive of manual pages, of which N are taken by hash.  The
quality measure is that benchmark's own (evaluate.py): precision and recall over 4-grams of
words, each averaged over pages, and their harmonic mean.  `FOLDER/wcxb-dev.ndjson.zst` is
the development split of WCXB (arXiv 2605.21097), pages of seven kinds, scored by words.  Our model
has learned from it: how it does on sites that it has not seen, the models of folds show, which
`webtext train-extractor FILE … --folds 4 --keep-folds` writes beside FILE.  All figures of one
kind are measured in one run, in turns, by processor time.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import logging
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import trafilatura
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text

from pipeline.documents.blocks.model import read_model
from pipeline.documents.by_trafilatura.main_content import is_marked
from pipeline.documents.by_trafilatura.parse import parse_html
from pipeline.documents.extract import ParsedPage, extract, finish, prepare
from pipeline.documents.page import Page
from pipeline.documents.prefilter import foreign, words_at_most
from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.training.pages import LabelledPage, read_pages
from pipeline.documents.training.report import word_score
from pipeline.documents.training.train import fold_model
from pipeline.documents.verdict import verdict_on
from pipeline.store.language import identify
from pipeline.store.unspaced import count_words

TODAY = date(2026, 11, 24)
FOLDS = 4


@dataclass(frozen=True)
class Sample:
    """One page; `truth` is its main text where that is known."""

    url: str
    html: str
    truth: str | None = None


def articles(data: Path) -> list[Sample]:
    """The pages of the extraction benchmark."""
    folder = data / "extraction"
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    return [
        Sample(
            said["url"],
            gzip.decompress((folder / f"{name}.html.gz").read_bytes()).decode("utf-8", "replace"),
            said["articleBody"],
        )
        for name, said in sorted(truth.items())
    ]


def manuals(data: Path, count: int) -> list[Sample]:
    """`count` pages of the archive: those with the smallest hash of the address."""
    found = []
    with (data / "pages" / "docs.warc.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            url = record.headers.get("WARC-Target-URI")
            rank = hashlib.blake2b(url.encode()).digest()
            found.append((rank, url, record.reader.read()))
    found.sort()
    return [Sample(url, body.decode("utf-8", "replace")) for _, url, body in found[:count]]


def ours(sample: Sample) -> str:
    """Text by this project (title, date and canonical address are found as well)."""
    return extract(sample.html, sample.url, TODAY).text


def judged(sample: Sample) -> str:
    """Text by the stage's whole judgement: decoding, first pass, extraction, language."""
    page = Page(sample.url, sample.html.encode(), "text/html; charset=utf-8", TODAY)
    return verdict_on(page, DocumentsSettings()).document.text


def theirs(**options: bool) -> Callable[[Sample], str]:
    """Text by trafilatura with some options (and no metadata)."""
    return lambda sample: trafilatura.extract(sample.html, **options) or ""


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """The 4-grams of words of a text; a shorter text is one shingle."""
    words = re.findall(r"\w+", text)
    starts = range(max(1, len(words) - 3)) if words else range(0)
    return Counter(tuple(words[i : i + 4]) for i in starts)


def score(samples: list[Sample], texts: list[str]) -> tuple[float, float, float]:
    """F1, precision and recall of extracted texts against the truth."""
    precisions, recalls = [], []
    for sample, text in zip(samples, texts, strict=True):
        true, found = shingles(sample.truth or ""), shingles(text)
        both = (true & found).total()
        if found:
            precisions.append(both / found.total())
        if true:
            recalls.append(both / true.total())
    precision, recall = statistics.mean(precisions), statistics.mean(recalls)
    return 2 * precision * recall / (precision + recall), precision, recall


def quality(data: Path, count: int) -> None:
    """F1 of ours, of trafilatura's default and of its other settings; what they find in manuals.

    There is no truth for manuals, where nearly all text is main text: a system that finds
    much less than another has lost some.
    """
    samples, pages = articles(data), manuals(data, count)
    systems = {
        "webtext": ours,
        "trafilatura default": theirs(),
        "trafilatura fast": theirs(fast=True, include_comments=False),
        "trafilatura precision": theirs(favor_precision=True, include_comments=False),
        "trafilatura fast precision": theirs(
            fast=True, favor_precision=True, include_comments=False
        ),
    }
    print(f"quality: {len(samples)} articles by the 4-gram measure, {len(pages)} manual pages")
    for name, system in systems.items():
        f1, precision, recall = score(samples, [system(sample) for sample in samples])
        found = [len(re.findall(r"\w+", system(page))) for page in pages]
        print(f"  {name:<28} F1 {f1:.4f}  precision {precision:.4f}  recall {recall:.4f}", end="")
        print(f"  manuals: {sum(found):,} words, {found.count(0)} empty")


def unmarked(sample: Sample) -> Sample:
    """A page without what tells where its main text is: names, roles and telling elements."""
    html = re.sub(r"(?i)<(/?)(article|main|section)\b", r"<\1div", sample.html)
    html = re.sub(r"""(?is)\s(class|id|itemprop|role)=("[^"]*"|'[^']*')""", "", html)
    return replace(sample, html=html)


def frame(data: Path, count: int) -> None:
    """F1 on pages that do not say where their main text is, and how many such manuals there are."""
    samples = [unmarked(sample) for sample in articles(data)]
    print(f"frame: {len(samples)} articles without names of classes, by the 4-gram measure")
    for name, system in {"webtext": ours, "trafilatura default": theirs()}.items():
        f1, precision, recall = score(samples, [system(sample) for sample in samples])
        print(f"  {name:<28} F1 {f1:.4f}  precision {precision:.4f}  recall {recall:.4f}")
    trees = [parse_html(page.html) for page in manuals(data, count)]
    bare = sum(1 for tree in trees if tree is not None and not is_marked(tree))
    print(f"  of {len(trees)} manual pages {bare} do not say it")


def speed(data: Path, count: int) -> None:
    """Processor time a page, and the ratio to trafilatura's default.

    Each system reads each page once, as a build does, in turns, so that what else the machine does
    is alike for all.  The stage comes first: it finds nothing of a page in a cache, where the text
    alone, at the end, finds the names of its elements.
    """
    systems = {
        "webtext, all of the stage": judged,
        "trafilatura default": theirs(),
        "webtext, text and metadata": ours,
    }
    kinds = list(read_pages([str(data / "wcxb-dev.ndjson.zst")]))
    drawn = kinds[:: max(1, len(kinds) // count)]
    sets = {
        "pages of seven kinds": [Sample(page.url, page.html) for page in drawn],
        "articles": articles(data),
        "manuals": manuals(data, count),
    }
    for run in systems.values():
        run(sets["articles"][0])  # loads what it needs
    for name, samples in sets.items():
        took: Counter[str] = Counter()
        for sample in samples:
            for system, run in systems.items():
                started = time.process_time_ns()
                run(sample)
                took[system] += time.process_time_ns() - started
        print(f"speed: {len(samples)} {name}, each once")
        for system, spent in took.items():
            ratio = took["trafilatura default"] / spent
            each = spent / len(samples) / 1e6
            print(f"  {system:<28} {each:6.1f} ms a page  ratio {ratio:.2f}")


def prefilter(data: Path, count: int) -> None:
    """What the first pass costs, turns away and loses."""
    settings = DocumentsSettings()
    kinds = read_pages([str(data / "wcxb-dev.ndjson.zst")])
    samples = articles(data) + manuals(data, count)
    samples += [Sample(page.url, page.html) for page in kinds]
    identify("loads the model")
    outcomes: Counter[tuple[bool, bool]] = Counter()
    first = full = prepared = 0.0
    for sample in samples:
        started = time.process_time()
        source = prepare(sample.html, sample.url)
        ready = time.process_time()
        away = turned_away(source, settings)
        between = time.process_time()
        kept = kept_without(sample, settings)
        full += time.process_time() - between
        first += between - ready
        prepared += ready - started
        outcomes[kept, away] += 1
    kept = outcomes[True, True] + outcomes[True, False]
    dropped = outcomes.total() - kept
    print(f"prefilter: {len(samples)} pages, {kept} kept without it, {dropped} dropped")
    print(f"  turns away {outcomes[False, True]} of the {dropped} before extraction")
    print(
        f"  loses {outcomes[True, True]} ({100 * outcomes[True, True] / kept:.3f} % of those kept)"
    )
    print(f"  takes {100 * first / full:.1f} % of the time of extraction and language,")
    print(f"  after parsing and metadata, which take {100 * prepared / full:.1f} % of it")


def turned_away(source: ParsedPage, settings: DocumentsSettings) -> bool:
    """Whether the first pass drops a page."""
    few = words_at_most(source.layout, source.posts, settings.min_words) < settings.min_words
    return few or foreign(source.layout, source.head.language, settings.languages) is not None


def kept_without(sample: Sample, settings: DocumentsSettings) -> bool:
    """Whether the stage keeps a page without the first pass."""
    text = ours(sample)
    language, sure = identify(text)
    return (
        count_words(text) >= settings.min_words
        and language in settings.languages
        and sure >= settings.min_language_score
    )


def unseen(models: Path, folds: int) -> Callable[[LabelledPage], str]:
    """Text by the model of the fold that a page is in, which has seen no page of its domain."""
    files = [fold_model(str(models), fold) for fold in range(folds)]

    def text(page: LabelledPage) -> str:
        source = prepare(page.html, page.url, files[page.fold(folds)])
        return finish(source, TODAY).text

    for file in files:
        read_model(file)  # a missing one ends the run before it has begun
    return text


def wcxb(data: Path, models: Path | None) -> None:
    """Scores by kind of page, and processor time, on every page of a split of WCXB."""
    pages = list(read_pages([str(data / "wcxb-dev.ndjson.zst")]))
    systems: dict[str, Callable[[LabelledPage], str]] = {
        "webtext (has learned from these pages)": lambda page: (
            extract(page.html, page.url, TODAY).text
        ),
        "trafilatura default": lambda page: trafilatura.extract(page.html) or "",
        "trafilatura fast": lambda page: trafilatura.extract(page.html, fast=True) or "",
        "trafilatura recall": lambda page: trafilatura.extract(page.html, favor_recall=True) or "",
        "resiliparse": lambda page: extract_plain_text(
            page.html, main_content=True, alt_texts=False
        ),
    }
    if models:
        systems = {"webtext (models of folds, sites not seen)": unseen(models, FOLDS), **systems}
    identify("loads the model")
    rows: defaultdict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    took: Counter[str] = Counter()
    for page in pages:
        for name, system in systems.items():
            started = time.process_time_ns()
            text = system(page)
            took[name] += time.process_time_ns() - started
            for kind in ("all", page.kind):
                rows[name, kind].append(word_score(text, page.truth or ""))
    print(f"wcxb: {len(pages)} pages, by words, all systems in one run")
    for name in systems:
        print(f"  {name}: {took[name] / len(pages) / 1e6:.1f} ms a page", end="")
        print(f", {took['trafilatura default'] / took[name]:.2f} times trafilatura default")
        for kind in sorted({kind for _, kind in rows}):
            found = rows[name, kind]
            f1, precision, recall = (statistics.mean(column) for column in zip(*found, strict=True))
            print(f"    {kind:<14} {len(found):>5}  F1 {f1:.4f}", end="")
            print(f"  precision {precision:.4f}  recall {recall:.4f}")


def language(data: Path, count: int) -> None:
    """Where the probabilities of the language model lie, and what each bound would drop."""
    samples = articles(data) + manuals(data, count)
    texts = [(sample.url, text) for sample in samples if len((text := ours(sample)).split()) >= 20]
    said = [(*identify(text), url) for url, text in texts]
    print(f"language: {len(said)} texts of 20 words and more")
    print(f"  {dict(Counter(code for code, _, _ in said).most_common())}")
    english = [sure for code, sure, _ in said if code == "en"]
    for bound in (0.2, 0.4, 0.5, 0.65, 0.8, 0.9):
        below = sum(sure < bound for sure in english)
        print(f"  English below {bound}: {below} ({100 * below / len(english):.2f} %)")


KINDS = {
    "quality": quality,
    "frame": frame,
    "speed": speed,
    "prefilter": prefilter,
    "language": language,
}


def main() -> None:
    """Runs the kinds of measurement that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("kinds", nargs="*", help=f"of wcxb, {', '.join(KINDS)}; default all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pages", type=int, default=400, help="manual pages to take")
    parser.add_argument(
        "--models", type=Path, help="a file by `webtext train-extractor --folds 4 --keep-folds`"
    )
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # trafilatura warns about each page it finds nothing in
    if unknown := set(asked.kinds) - {"wcxb", *KINDS}:
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    for kind in asked.kinds or ("wcxb", *KINDS):
        if kind == "wcxb":
            wcxb(asked.data, asked.models)
        else:
            KINDS[kind](asked.data, asked.pages)


if __name__ == "__main__":
    main()
