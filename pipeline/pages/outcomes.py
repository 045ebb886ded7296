"""Every way in which a link can end.  Each link of a build ends with exactly one."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a link.  Only `OK` is kept."""

    OK = "ok"  # a page, archived
    SEEN_BEFORE = "seen_before"  # fetched in an earlier interval
    NOT_IN_ARCHIVE = "not_in_archive"  # no archive, or no index of Common Crawl, has it
    BAD_RECORD = "bad_record"  # an archive's record is damaged, cut, or not what its index says
    ROBOTS = "robots"  # robots.txt disallows it
    ROBOTS_UNAVAILABLE = "robots_unavailable"  # 5xx or time-out, so all is disallowed (RFC 9309)
    CRAWL_DELAY = "crawl_delay"  # the host asks for a longer delay than `max_delay`
    NOAI = "opt_out_noai"  # X-Robots-Tag or meta: not for machine learning
    NOML = "opt_out_noml"  # the same, in the word of others
    NOINDEX = "opt_out_noindex"  # X-Robots-Tag or meta: not to be indexed (`none` says so too)
    NOARCHIVE = "opt_out_noarchive"  # X-Robots-Tag or meta: no copy may be kept
    CONTENT_USAGE = "opt_out_content_usage"  # the IETF's Content-Usage: no training of models
    CONTENT_SIGNAL = "opt_out_content_signal"  # Cloudflare's Content-Signal: the same
    RSL = "opt_out_rsl"  # an RSL licence does not permit training, or cannot be read
    TDM = "opt_out_tdm"  # rights reserved by TDMRep: header, meta or tdmrep.json
    AI_AGENTS = "opt_out_ai_agents"  # the site's robots.txt shuts out known AI crawlers
    OFF_LIMITS = "off_limits"  # it redirects to what the links stage drops
    REFUSED_ADDRESS = "refused_address"  # not a public address, or another port than 80 and 443
    NOT_FOUND = "not_found"  # 404
    GONE = "gone"  # 410
    HTTP_ERROR = "http_error"  # another status than 200
    CONTENT_TYPE = "content_type"  # not a page of text
    TOO_LARGE = "too_large"  # more bytes than `max_bytes`, as received or decompressed
    BAD_ENCODING = "bad_encoding"  # the body cannot be decompressed
    REDIRECT_LOOP = "redirect_loop"  # more than `max_redirects`
    TIMEOUT = "timeout"  # more than `timeout` seconds in all
    DNS = "dns"  # the host's name has no address
    TLS = "tls"  # no secure connection: certificate or protocol
    CONNECTION = "connection"  # no connection, a broken one, or an answer that is no HTTP
    HOST_FAILED = "host_failed"  # left alone after repeated failures of its host
    DEFERRED = "deferred"  # a budget was used up, or the host asked to wait; first in the next run


#: Outcomes that mean that nothing came back from the network.
UNREACHED = frozenset(
    {Outcome.TIMEOUT, Outcome.DNS, Outcome.TLS, Outcome.CONNECTION, Outcome.HOST_FAILED}
)
#: Statuses by which a server says that it cannot answer now: RFC 9110, 15.5 and 15.6.
_PASSING = frozenset({408, 425, 429})
#: Statuses of 5xx by which it says that it never will.
_LASTING = frozenset({501, 505})


def is_passing(outcome: Outcome, status: int | None) -> bool:
    """Whether a link that ended so may fare better another day: a passing fault."""
    if outcome == Outcome.HTTP_ERROR and status is not None:
        return status in _PASSING or (500 <= status < 600 and status not in _LASTING)
    return outcome in UNREACHED or outcome == Outcome.ROBOTS_UNAVAILABLE


#: Outcomes that another try may change: a later build of the interval fetches these again.
TRANSIENT = UNREACHED | {
    Outcome.ROBOTS_UNAVAILABLE,
    Outcome.DEFERRED,
    Outcome.HTTP_ERROR,
    Outcome.NOT_IN_ARCHIVE,
}
