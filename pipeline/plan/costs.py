"""What a unit of each stage costs, measured: the one table that `webtext plan` computes with.

Measured by `python benchmarks/costs.py --data ../shared/data` on a month of 2,472 pages of
documentation (85 MB of HTML, 29 MB of text), one worker, two cores of an Intel Xeon that did
nothing else; the slower of two runs.  Processor time is the kernel's account; the start of each
stage's processes is in it, so what is larger costs a little less.  Figures of other scripts name
them.
"""

from __future__ import annotations

from dataclasses import dataclass

MB, GB = 1e6, 1e9


@dataclass(frozen=True)
class UnitCosts:
    """Processor seconds and bytes a unit.  "MB" is a million bytes."""

    post_seconds: float = 20.7e-6
    """A line of a dump of posts (59,627 genuine ones of 2013), read to its mentions."""
    comment_seconds: float = 4.8e-6
    """A line of a dump of comments (6,384 genuine ones); most are turned away by their bytes."""
    mention_seconds: float = 36.7e-6
    """A mention merged into its link."""
    mention_scratch: float = 77.0
    link_bytes: float = 109.0
    """On disk, in the table of links."""

    page_seconds: float = 0.0023
    """A page fetched, judged and archived; DNS and TLS are not in it.  `benchmarks/crawl.py`
    has 0.001 s for larger pages of many hosts."""
    archive_ratio: float = 0.252
    """Bytes of archive a byte of body: HTML under gzip, with all records of a page."""
    fetch_bytes: float = 104.0
    """On disk, a row of the fetch table."""
    shuffled_bytes: float = 106.0
    """Id, address and host of a link, which go through Beam's shuffle to their group."""

    extract_mb_seconds: float = 0.56
    """A MB of HTML, to text and language."""
    text_ratio: float = 0.31
    """On disk, a byte of text in the documents."""

    sign_mb_seconds: float = 0.20
    """A MB of text in dedup: lines of hosts, signature, sets of shingles, verification."""
    search_seconds: float = 41.9e-6
    """A document from dedup's keep order to its tables, over all intervals that are there
    (`benchmarks/dedup.py scale`, 10^7 documents, much other work on the machine)."""
    group_seconds: float = 0.6e-6
    """A document in the steps of dedup that one process does alone: components, and the count of
    large clusters (same run)."""
    signature_bytes: float = 475.0
    """On disk, a document in dedup."""
    dedup_scratch: float = 1_410.0
    dedup_sorted: float = 430.0
    """Memory of dedup's sorting, a document, up to `dedup_most`, where its units have their full
    size (fitted to 0.8 GB at 10^6 documents and 1.8 at 10^7)."""
    dedup_most: float = 1.4 * GB
    passages_index: float = 10.0
    """Memory of a document where passages are looked for: an index that cannot spill."""

    passages_mb_seconds: float = 0.04
    """A MB of text, where passages are looked for and a tenth of the pages share one
    (`benchmarks/passages.py`); up to 0.14 where every page does."""
    passages_ratio: float = 0.10
    """On disk, a byte of text in the minimizers of passages."""

    measure_mb_seconds: float = 0.71
    """A MB of text in quality."""
    measure_bytes: float = 249.0
    """On disk, a document's measurements."""
    scorers_seconds: float = 0.0
    """A document, by all scorers of the recipe: `time_scorers` says it."""
    score_bytes: float = 29.0
    """On disk, a document in the table of one scorer."""

    decide_mb_seconds: float = 0.18
    """A MB of text in corpus."""
    joined_rows: float = 5.0e6
    """Rows of links a processor second that the quality stage goes through, all for each join of
    500,000 documents (`benchmarks/costs.py`, four runs: 3.9 to 5.7 million)."""
    joined_bytes: float = 24.0
    """In scratch, what the links say of a document."""
    accepted_ratio: float = 0.32
    """On disk, a byte of accepted text."""

    encode_mb_seconds: float = 0.76
    """A MB of text in tokens, training of the tokenizer included."""
    token_bytes: float = 2.0
    """In a shard (docs/shards.md), and as much in scratch."""

    worker_memory: float = 0.45 * GB
    """The largest process of any stage, dedup's growth and a shard's tokens aside."""


@dataclass(frozen=True)
class Shape:
    """What links lead to.  The defaults are for the open web, from above: every link answers."""

    fetched: float = 1.0
    """Share of links that give a page."""
    page_bytes: float = 120_000.0
    """Body of a page, unpacked: that of `benchmarks/crawl.py`."""
    documents: float = 1.0
    """Share of pages that give a text."""
    text_bytes: float = 5_000.0
    """Text of a document: 40 GB of 8 million in WebText (Radford et al. 2019, section 2.1)."""
    accepted: float = 8 / 45
    """Share of documents in the corpus: 8 of 45 million links in WebText (same place)."""
    tokens_a_byte: float = 0.238
    """Of the same month with a vocabulary of 16,384; a larger one gives fewer."""
    largest_host: float = 1_542_261 / 45e6
    """Share of links of the largest host: google in the list that came with GPT-2
    (github.com/openai/gpt-2, domains.txt), of 45 million."""
