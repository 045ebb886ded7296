"""Every way in which a link can end.  Each link of a build ends with exactly one."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a link.  Only `OK` is kept."""

    OK = "ok"  # a page, archived
    SEEN_BEFORE = "seen_before"  # fetched in an earlier interval
    NOT_IN_ARCHIVE = "not_in_archive"  # source = "warc": no archive has it
    ROBOTS = "robots"  # robots.txt disallows it, or could not be had (RFC 9309, 2.3.1.4)
    CRAWL_DELAY = "crawl_delay"  # the host asks for a longer delay than `max_delay`
    OPT_OUT = "opt_out"  # the page or site refuses use for machine learning, or archiving
    OFF_LIMITS = "off_limits"  # it redirects to what the links stage drops
    REFUSED_ADDRESS = "refused_address"  # not a public address, or another port than 80 and 443
    NOT_FOUND = "not_found"  # 404
    GONE = "gone"  # 410
    HTTP_ERROR = "http_error"  # another status than 200
    CONTENT_TYPE = "content_type"  # not a page of text
    TOO_LARGE = "too_large"  # more bytes than `max_bytes`, as received or decompressed
    BAD_ENCODING = "bad_encoding"  # the body cannot be decompressed
    REDIRECT_LOOP = "redirect_loop"  # more than `max_redirects`
    TIMEOUT = "timeout"  # more than `deadline` seconds in all
    CONNECTION = "connection"  # DNS, TLS or the connection failed
    HOST_FAILED = "host_failed"  # left alone after repeated failures of its host
    DEFERRED = "deferred"  # the time of the crawl was up; the next build begins with these


#: Outcomes that another try may change: a later build of the interval fetches these again.
TRANSIENT = frozenset(
    {
        Outcome.TIMEOUT,
        Outcome.CONNECTION,
        Outcome.HOST_FAILED,
        Outcome.DEFERRED,
        Outcome.HTTP_ERROR,
        Outcome.NOT_IN_ARCHIVE,
    }
)
#: Outcomes that mean that nothing came back from the network.
UNREACHED = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.HOST_FAILED})
