"""What WebText leaves out, each with its reason: Reddit itself, media, Wikipedia.

GPT-2's model card says that Wikipedia was removed; OpenWebText and OpenWebText2
also block media and Reddit itself.  They block google.com and github.com as well,
the first and fourth of WebText's own domains (openai/gpt-2, `domains.txt`), so
those are not blocked here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

#: Registered domains (a host matches when it is one or lies below one) -> reason.
DOMAINS: dict[str, str] = dict.fromkeys(
    "reddit.com redd.it redditmedia.com redditstatic.com reddituploads.com reddit.app.link "
    "redditinc.com".split(),
    "reddit",
) | dict.fromkeys(
    "imgur.com gfycat.com giphy.com tenor.com redgifs.com streamable.com youtube.com youtu.be "
    "youtube-nocookie.com vimeo.com dailymotion.com twitch.tv liveleak.com vid.me coub.com "
    "instagram.com flickr.com flic.kr staticflickr.com 500px.com deviantart.com photobucket.com "
    "tinypic.com imageshack.us imgflip.com quickmeme.com livememe.com memecrunch.com "
    "soundcloud.com spotify.com bandcamp.com mixcloud.com audiomack.com pinterest.com tiktok.com "
    "snapchat.com prnt.sc gyazo.com postimg.org postimg.cc ibb.co".split(),
    "media",
)
DOMAINS["wikipedia.org"] = "wikipedia"

#: File name extensions of what is no page of text.
EXTENSIONS = frozenset(
    "jpg jpeg png gif gifv bmp tif tiff webp svg ico mp3 mp4 m4a m4v ogg oga ogv wav flac aac "
    "wma avi mov mkv webm wmv flv mpg mpeg zip gz bz2 xz 7z rar tar tgz iso dmg exe msi apk deb "
    "rpm jar bin doc docx xls xlsx ppt pptx odt ods odp epub mobi djvu ps psd ai ttf otf woff css js swf "
    "torrent csv parquet sqlite pdf".split()
)


def reason_to_drop(url: str) -> str | None:
    """`reddit`, `media`, `wikipedia` or `file_type`; None for an address that is kept."""
    parts = urlsplit(url)
    labels = (parts.hostname or "").split(".")
    for start in range(len(labels) - 1):
        reason = DOMAINS.get(".".join(labels[start:]))
        if reason:
            return reason
    name, dot, extension = parts.path.rsplit("/", 1)[-1].rpartition(".")
    if dot and name and extension.lower() in EXTENSIONS:
        return "media" if extension.lower() in _PICTURES else "file_type"
    return None


_PICTURES = frozenset("jpg jpeg png gif gifv bmp webp svg mp3 mp4 webm mov avi ogg wav".split())
