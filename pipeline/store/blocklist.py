"""What is left out, each with the list that names it: Reddit itself, media, Wikipedia, files.

GPT-2's paper says that Wikipedia was removed; OpenWebText and OpenWebText2 also leave
out media and Reddit itself.  They leave out google.com or github.com as well, which
WebText kept (openai/gpt-2, `domains.txt`): their lists are there by name, off by default.
The hosts are in `blocklist.txt`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pipeline.store.hosts import domains_of

#: The lists that apply unless a recipe says otherwise.
DEFAULT = ("reddit", "media", "wikipedia", "file_type")

#: File name extensions of pictures, video and sound: list `media`.
MEDIA_TYPES = frozenset(
    "jpg jpeg png gif gifv bmp tif tiff webp svg ico mp3 mp4 m4a m4v ogg oga ogv wav flac aac "
    "wma avi mov mkv webm wmv flv mpg mpeg".split()
)
#: File name extensions of other files that are no pages: list `file_type`.  `.txt` and `.xml`,
#: which OpenWebText leaves out, hold text and stay.
FILE_TYPES = frozenset(
    "zip gz bz2 xz 7z rar tar tgz iso dmg exe msi apk deb rpm jar bin doc docx xls xlsx ppt pptx "
    "odt ods odp epub mobi djvu ps psd ai ttf otf woff css js swf torrent csv parquet sqlite "
    "pdf".split()
)


@dataclass(frozen=True)
class AddressRules:
    """What a recipe says of addresses: it holds for links, and for what they redirect to."""

    #: Hosts to keep, with all below them; empty for all.
    domains: frozenset[str] = frozenset()
    #: Hosts to leave out, with all below them.
    block_domains: frozenset[str] = frozenset()
    blocklists: tuple[str, ...] = DEFAULT

    @classmethod
    def of(cls, links: Mapping[str, Any]) -> Self:
        """The rules of a `[links]` section, as its settings or its manifest's give them."""
        return cls(
            bare_names(links.get("domains", ())),
            bare_names(links.get("block_domains", ())),
            tuple(links.get("blocklists", DEFAULT)),
        )

    def reason_to_drop(self, url: str, host: str) -> str | None:
        """Why an address on `host` (without a port) is left out; None when it is kept."""
        names = domains_of(host)
        if self.domains and self.domains.isdisjoint(names):
            return "domain_not_listed"
        if not self.block_domains.isdisjoint(names):
            return "domain"
        return reason_to_drop(url, self.blocklists)


def bare_names(names: Iterable[str]) -> frozenset[str]:
    """Names of hosts or subreddits as they are compared: lower case, without `www.` or `r/`."""
    return frozenset(name.lower().removeprefix("r/").removeprefix("www.") for name in names)


def reason_to_drop(url: str, lists: Collection[str] = DEFAULT) -> str | None:
    """The name of the first of `lists` that leaves a web address out; None when it is kept."""
    parts = urlsplit(url)
    named = listed(parts.hostname or "")
    reason = next((name for name in lists if name in named), None)
    if reason:
        return reason
    name, dot, extension = parts.path.rsplit("/", 1)[-1].rpartition(".")
    if not (dot and name):
        return None
    extension = extension.lower()
    if "media" in lists and extension in MEDIA_TYPES:
        return "media"
    return "file_type" if "file_type" in lists and extension in FILE_TYPES else None


def listed(host: str) -> frozenset[str]:
    """The lists that name a host or a domain above it."""
    hosts, found = _hosts(), frozenset[str]()
    for name in domains_of(host):
        found |= hosts.get(name, frozenset())
    return found


@cache
def _hosts() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in (Path(__file__).parent / "blocklist.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, host = line.split()
            found[host] = found.get(host, frozenset()) | {name}
    return found
