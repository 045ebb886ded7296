"""Reading dumps beside a bare JSON loop, and canonical keys beside w3lib's.

    python benchmarks/links.py COMMENTS [POSTS]

COMMENTS and POSTS are dumps (`RC_*`, `RS_*`, any packing).  All is unpacked into memory
first, so that only the work on lines is timed, by processor time, best of five in turns
within one run.  What is printed are ratios: above 1 this project is faster.
"""

from __future__ import annotations

import argparse
import html
import tempfile
import time
from collections.abc import Callable, Iterator

import orjson
from w3lib.url import canonicalize_url

from pipeline.links.comments import comment_links
from pipeline.links.dumps import Block, blocks, lines, linked_lines
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.posts import post_links
from pipeline.links.records import BadLineError
from pipeline.links.reddit_dump import RedditDump
from pipeline.links.scores import ScoreTally
from pipeline.links.things import Post, parse_comment, parse_post, parse_posts
from pipeline.store.addresses import canonical_key

FIELDS = (
    "id link_id parent_id subreddit subreddit_id score created_utc body edited gilded "
    "author_flair_text author_flair_css_class distinguished controversiality stickied score_hidden"
).split()  # those of RC since 2016 that the API's answers have as well, without names of users


def as_dump(block: Block) -> Block:
    """The comments of a block with the fields and the escapes that dumps have."""
    rows = [orjson.loads(line) for _, line in lines(block)]
    kept = [{name: row.get(name) for name in FIELDS} for row in rows]
    for row in kept:
        row["body"] = html.escape(row["body"] or "", quote=False)
        row["created_utc"] = int(row["created_utc"])
    return Block(0, b"".join(orjson.dumps(row) + b"\n" for row in kept), 0)


def bare_loop(data: list[Block]) -> None:
    """What anyone would write: split, load."""
    for block in data:
        for line in block.data.split(b"\n"):
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def comments(data: list[Block]) -> None:
    """What the stage does with comments: Markdown links, and the audit of scores."""
    tally = ScoreTally()
    for block in data:
        parsed = []
        for _, line in linked_lines(block)[1]:
            try:
                parsed.append(parse_comment(line))
                comment_links(parsed[-1])
            except BadLineError:
                continue
        tally.add(parsed)
    tally.months()


def turn_away(data: list[Block]) -> None:
    """The part that turns lines away by their bytes, alone."""
    for block in data:
        linked_lines(block)


def posts(data: list[Block]) -> None:
    """What the stage does with posts: Markdown links, and the audit of scores."""
    tally = ScoreTally()
    for block in data:
        parsed = parse_posts(block.data)
        if parsed is None:
            parsed = list(_posts_by_line(block))
        for post in parsed:
            try:
                post_links(post)
            except BadLineError:
                continue
        tally.add(parsed)
    tally.months()


def _posts_by_line(block: Block) -> Iterator[Post]:
    for _, line in lines(block):
        try:
            yield parse_post(line)
        except BadLineError:
            continue


def whole(path: str) -> None:
    """All of the stage's first step: unpacking, links, keys, and the sorted file of mentions."""
    with tempfile.TemporaryDirectory() as folder:
        dump = RedditDump(kind="reddit-dump", posts=path)
        read_source(SourceUnit(dump.find()[0], 0, folder, "key", over_18=True))


def keys(urls: list[str], make: Callable[[str], str]) -> None:
    """The key of every address."""
    for url in urls:
        try:
            make(url)
        except ValueError:
            continue


def best(*works: Callable[[], object], rounds: int = 5) -> list[float]:
    """Processor seconds of each work, the best of some rounds, in turns."""
    times = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            started = time.process_time()
            work()
            times[place] = min(times[place], time.process_time() - started)
    return times


def main() -> None:
    """Prints one line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comments")
    parser.add_argument("posts", nargs="?")
    parser.add_argument(
        "--as-dump", action="store_true", help="cut COMMENTS, recorded from the API, to RC's fields"
    )
    given = parser.parse_args()
    data = list(blocks(given.comments))
    if given.as_dump:
        data = [as_dump(block) for block in data]
    bare, ours, away = best(
        lambda: bare_loop(data), lambda: comments(data), lambda: turn_away(data)
    )
    size = sum(len(block.data) for block in data) / 1e6
    print(f"comments: {size:.0f} MB; bare loop {size / bare:.0f} MB/s")
    print(f"  turning away by bytes alone: {bare / away:.2f} times as fast as the bare loop")
    print(f"  all of the stage's reading:  {bare / ours:.2f} times as fast as the bare loop")
    if not given.posts:
        return
    data = list(blocks(given.posts))
    bare, ours = best(lambda: bare_loop(data), lambda: posts(data))
    print(f"posts: all of the stage's reading: {bare / ours:.2f} times as fast as the bare loop")
    bare, ours = best(lambda: bare_loop(list(blocks(given.posts))), lambda: whole(given.posts))
    print(f"posts: with unpacking, keys and the file of mentions: {bare / ours:.2f} times")
    rows = [orjson.loads(line) for block in data for _, line in lines(block)][:20_000]
    urls = [html.unescape(row["url"]) for row in rows if row.get("url")]
    theirs, ours = best(lambda: keys(urls, canonicalize_url), lambda: keys(urls, canonical_key))
    print(f"keys: {theirs / ours:.2f} times as fast as w3lib's canonicalize_url")


if __name__ == "__main__":
    main()
