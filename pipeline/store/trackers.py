"""Query parameters that do not change a page: trackers, sessions, and forms for phones.

In doubt a parameter counts: `ref`, `sid`, `feature` or `partner` name the page on some hosts
and say where a visitor came from on others.  Names that mean one thing alone are left out
everywhere; the others only on hosts that are named here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pipeline.store.hosts import domains_of

#: Trackers wherever they stand: those that Firefox strips (its remote setting
#: `query-stripping`), and what Google, Matomo, HubSpot, Yahoo, Twitter and the BBC call theirs.
EVERYWHERE = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid igshid igsh ml_subscriber "
    "ml_subscriber_hash mc_cid mc_eid mkt_tok oly_anon_id oly_enc_id vero_id vero_conv wickedid "
    "rb_clickid s_cid __s __hssc __hstc __hsfp _hsenc _hsmi hsctatracking _openstat sr_share "
    "ref_src ref_url soc_src soc_trk guccounter guce_referrer guce_referrer_sig _ga _gl "
    "ga_source ga_medium ga_term ga_content ga_campaign ga_place "
    "pk_campaign pk_cid pk_content pk_keyword pk_kwd pk_medium pk_source "
    "at_medium at_campaign at_custom1 at_custom2 at_custom3 at_custom4".split()
)
_PREFIXES = ("utm_", "piwik_", "mtm_", "hsa_")

#: Trackers on these hosts and those below.  In 2.3 million posts of 2005 to 2013
#: (umbrae/reddit-top-2.5-million) they stand beside what names the page, never in its place.
AT_HOST = {
    "amazon.ca": "ref ref_ tag",
    "amazon.co.uk": "ref ref_ tag",
    "amazon.com": "ref ref_ tag",
    "amazon.de": "ref ref_ tag",
    "aol.com": "ncid icid",
    "bangordailynews.com": "ref",
    "bloomberg.com": "cmpid",
    "cbc.ca": "ref cmp",
    "chron.com": "cmpid",
    "cnn.com": "hpt",
    "csmonitor.com": "cmpid",
    "etsy.com": "ref",
    "facebook.com": "ref fref",
    "fastcompany.com": "partner",
    "forbes.com": "partner",
    "huffingtonpost.ca": "ref ir ncid icid",
    "huffingtonpost.co.uk": "ref ir ncid icid",
    "huffingtonpost.com": "ref ir ncid icid",
    "huffpost.com": "ref ir ncid icid",
    "imdb.com": "ref_",
    "kickstarter.com": "ref",
    "market.android.com": "feature",
    "newscientist.com": "cmpid",
    "news.sciencemag.org": "ref rss",
    "nhl.com": "cmpid",
    "nytimes.com": "ref src partner emc smid hp _r",
    "patch.com": "ncid",
    "philly.com": "cmpid",
    "play.google.com": "feature",
    "politico.com": "hp",
    "repubblica.it": "ref",
    "seriouseats.com": "ref",
    "takepart.com": "cmpid",
    "talkingpointsmemo.com": "ref",
    "technologyreview.com": "ref",
    "ted.com": "source",
    "theglobeandmail.com": "cmpid",
    "theonion.com": "ref",
    "youtu.be": "feature si",
    "youtube.com": "feature si ab_channel",
}
_AT_HOST = {host: frozenset(names.split()) for host, names in AT_HOST.items()}
_SOMEWHERE = frozenset[str]().union(*_AT_HOST.values())

#: Parameters that are a visitor's session by their name (PHP, Java, ASP), where the value is long.
_SESSIONS = frozenset("phpsessid jsessionid aspsessionid".split())
_SESSION = re.compile(r"[0-9A-Za-z,-]{16,}")
#: phpBB's `sid` is one too, beside the topic or forum that `t`, `p` or `f` names.
_PHPBB = re.compile(r"/view(?:topic|forum)\.php$")
_PHPBB_SESSION = re.compile("[0-9a-f]{32}")

#: Hosts whose pages have an AMP form at their own address and `/amp`, `.amp` or `?amp`.
_AMP_HOSTS = frozenset(
    "9to5mac.com deadline.com forbes.com foxnews.com gq.com independent.co.uk metro.co.uk "
    "mirror.co.uk newyorker.com nypost.com rollingstone.com techcrunch.com telegraph.co.uk "
    "thehill.com thesun.co.uk vanityfair.com variety.com venturebeat.com wired.com".split()
)
_AMP_END = re.compile(r"/amp/?$|\.amp(?=(?:\.html?)?$)", re.I)
#: The values of `amp` that ask for that form.
_AMP_VALUES = frozenset({"", "1", "true"})


def is_noise(pair: str, host: str, path: str) -> bool:
    """Whether a query parameter (`name=value`) does not change the page at `path` of `host`."""
    name, _, value = pair.partition("=")
    name = name.lower()
    if name in EVERYWHERE or name.startswith(_PREFIXES):
        return True
    if name in _SOMEWHERE:
        return any(name in _AT_HOST.get(domain, ()) for domain in domains_of(host))
    if name in _SESSIONS:
        return _SESSION.fullmatch(value) is not None
    if name == "sid":
        return bool(_PHPBB.search(path) and _PHPBB_SESSION.fullmatch(value))
    if name == "amp":
        return value.lower() in _AMP_VALUES and has_amp(host)
    return name == "outputtype" and value.lower() == "amp"


@lru_cache(1 << 16)
def has_amp(host: str) -> bool:
    """Whether the pages of a host have an AMP form at their own address."""
    return not _AMP_HOSTS.isdisjoint(domains_of(host))


def without_amp(path: str) -> str:
    """The path of a page from that of its AMP form."""
    return _AMP_END.sub("", path)
