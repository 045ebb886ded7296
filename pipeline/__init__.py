"""WebText's corpus builder: from Reddit links to token shards, with Apache Beam."""

__version__ = "0.1.0"
