"""Keys of genuine addresses, judged by hand (`benchmarks/keys.tsv`)."""

from __future__ import annotations

from support import PROJECT

from pipeline.store.addresses import canonical_key

#: The fragment was a route: YouTube's player of 2010.
UNITED = {("http://www.youtube.com/user/jeriellsworth", "two")}


def test_of_genuine_pages_nearly_none_are_united_wrongly() -> None:
    lines = (PROJECT / "benchmarks/keys.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    united = {
        (one, judged) for judged, one, other in rows if canonical_key(one) == canonical_key(other)
    }
    assert {pair for pair in united if pair[1] == "two"} == UNITED
    assert len(united) > 150
