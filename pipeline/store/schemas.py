"""The columns of every table of a corpus, and which of them say nothing of its content."""

from __future__ import annotations

import pyarrow as pa

MENTION = pa.struct(
    [
        ("kind", pa.string()),  # post | selftext | comment | list
        ("reddit_id", pa.string()),  # t3_… or t1_…; empty for lists
        ("subreddit", pa.string()),
        ("score", pa.int64()),
        ("created", pa.int64()),  # seconds since 1970, UTC
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "links": pa.schema(
        [
            ("id", pa.string()),
            ("key", pa.string()),
            ("url", pa.string()),
            ("host", pa.string()),
            ("karma", pa.int64()),
            ("first_seen", pa.int64()),
            ("mentions", pa.list_(MENTION)),
        ]
    ),
    "fetches": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("final_url", pa.string()),
            ("outcome", pa.string()),
            ("status", pa.int32()),
            ("content_type", pa.string()),
            ("bytes", pa.int64()),
            ("digest", pa.string()),  # sha256 of the body as received
            ("warc_file", pa.string()),
            ("warc_offset", pa.int64()),
            ("fetched_at", pa.int64()),
            ("robots", pa.string()),
            ("attempts", pa.int32()),
            ("error", pa.string()),
            ("origin", pa.string()),  # web | warc | commoncrawl | wayback; empty: nobody asked
            ("charset", pa.string()),
            ("charset_by", pa.string()),  # bom | header | meta | utf-8 | detected
            # What host or page prefer of its use: the strongest that was seen, where, and when
            # (seconds since 1970); empty and 0 where nothing was said.
            ("preference", pa.string()),
            ("preference_where", pa.string()),
            ("preference_at", pa.int64()),
            ("builds", pa.int32()),  # how many builds have asked for it
        ]
    ),
    "documents": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("title", pa.string()),
            ("date", pa.string()),  # ISO day, or empty
            ("language", pa.string()),  # ISO 639-1
            ("language_score", pa.float64()),
            ("text", pa.string()),
            ("chars", pa.int64()),
            ("words", pa.int64()),
            ("digest", pa.string()),  # sha256 of the text
            ("outcome", pa.string()),
            ("canonical", pa.string()),  # the address the page gives as its own, or empty
            ("extractor", pa.string()),  # blocks | trafilatura | running | json-ld, or empty
        ]
    ),
    # Pages that gave no document: why, the value measured against the limit, more in words.
    "drops": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("outcome", pa.string()),
            ("value", pa.float64()),
            ("language", pa.string()),
            ("error", pa.string()),
        ]
    ),
    # One row a document: whether it may be in the corpus (`reason` is empty), by takedown list and
    # rules.  `language` is that of its text without what is cut out of it, `rules` the language
    # whose rules it was judged by: empty where only those hold that need none.
    "verdicts": pa.schema(
        [
            ("id", pa.string()),
            ("karma", pa.int64()),
            ("language", pa.string()),
            ("rules", pa.string()),
            ("stage", pa.string()),
            ("reason", pa.string()),
            ("value", pa.float64()),
            ("threshold", pa.float64()),
            ("detail", pa.string()),
        ]
    ),
    # Spans of characters of a document's text that are left out of the corpus, in order.
    "cuts": pa.schema([("id", pa.string()), ("start", pa.int64()), ("stop", pa.int64())]),
    "dedup": pa.schema(
        [
            ("id", pa.string()),
            ("kept_id", pa.string()),  # a page in the corpus
            ("similarity", pa.float64()),
            ("kind", pa.string()),  # exact | near | recrawled | passages
            # Where the other one is if not in this corpus, whose `kept_id` is null then.
            ("elsewhere", pa.string()),
        ]
    ),
    # Spans of characters of a document's text that are left out because those of page `kept_id` are
    # the same, white space aside; what the repeated lines of either take out does not count.
    "passages": pa.schema(
        [
            ("id", pa.string()),
            ("start", pa.int64()),
            ("stop", pa.int64()),
            ("kept_id", pa.string()),  # a page in the corpus
            ("kept_start", pa.int64()),
            ("kept_stop", pa.int64()),
            ("elsewhere", pa.string()),  # as in `dedup`
        ]
    ),
    "corpus": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("title", pa.string()),
            ("date", pa.string()),
            ("karma", pa.int64()),
            ("language", pa.string()),
            ("text", pa.string()),
            ("words", pa.int64()),
        ]
    ),
    "decisions": pa.schema(
        [
            ("id", pa.string()),
            ("kept", pa.bool_()),
            ("stage", pa.string()),
            ("reason", pa.string()),
            ("value", pa.float64()),
            ("threshold", pa.float64()),
            ("kept_id", pa.string()),
            ("similarity", pa.float64()),
            ("detail", pa.string()),  # what matched: evaluation set and n-gram, takedown entry
        ]
    ),
    "tokens": pa.schema(
        [
            ("id", pa.string()),
            ("shard", pa.string()),  # train-00000-of-00008
            ("start", pa.int64()),  # in tokens from the start of the shard's .bin
            ("length", pa.int64()),  # in tokens, end token included
        ]
    ),
}

#: Columns that say when, by which try or in which file: no part of what a stage says.
VOLATILE: dict[str, frozenset[str]] = {
    "fetches": frozenset(
        {"warc_file", "warc_offset", "fetched_at", "attempts", "error", "preference_at", "builds"}
    ),
    "drops": frozenset({"error"}),
}
