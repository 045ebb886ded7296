"""Pages in the character sets of the web, each labelled, some with one byte that does not fit.

`benchmarks/answers.py` has other programs read them, `tests/store/test_decode.py` our decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

_LATIN = "Die Brücke über den Fluß war für Größe, nicht für Schönheit gebaut; naïve Gäste."
_RUSSIAN = "Никто не видел реку такой высокой, как той весной, и мельница стояла в воде."
_CHINESE = "那年春天没有人见过河水涨得这么高，磨坊一直泡在水里，直到夏天才露出屋顶来。"
_TAIWAN = "那年春天沒有人見過河水漲得這麼高，磨坊一直泡在水裡，直到夏天才露出屋頂來。"
_JAPANESE = "その春ほど川の水が高くなったのを見た者はなく、水車小屋は夏まで水につかっていた。"
_KOREAN = "그해 봄처럼 강물이 높이 오른 것을 본 사람은 없었고 물레방앗간은 물에 잠겨 있었다."

_CZECH = "Nikdo neviděl řeku tak vysoko jako toho jara; mlýn stál ve vodě."
_POLISH = "Nikt nie widział rzeki tak wysoko jak owej wiosny, młyn stał w wodzie."
_UKRAINIAN = "Ніхто не бачив річки такою високою, як тієї весни; млин стояв у воді."
_GREEK = "Κανείς δεν είχε δει το ποτάμι τόσο ψηλά όσο εκείνη την άνοιξη."
_TURKISH = "O bahar ırmağı kimse bu kadar yüksek görmemişti, değirmen şuydu."
_HEBREW = "איש לא ראה את הנהר גבוה כמו באותו אביב, והטחנה עמדה במים."
_ARABIC = "لم ير أحد النهر مرتفعا كما كان في ذلك الربيع وبقيت الطاحونة في الماء."
_LITHUANIAN = "Niekas nebuvo matęs upės tokios aukštos kaip tą pavasarį, malūnas šąlo."
_VIETNAMESE = "Không ai thây sông cao nhu mùa xuân ây, côi xay đưng trong nươc."
_THAI = "ไม่มีใครเคยเห็นแม่น้ำสูงเท่าฤดูใบไม้ผลินั้น โรงสีจมอยู่ในน้ำ"

#: {label: (Python's codec, a text, bytes that are no character in it)}
SETS: dict[str, tuple[str, str, bytes]] = {
    "utf-8": ("utf-8", _LATIN, b"\xff"),
    "UTF8": ("utf-8", _RUSSIAN, b"\xc3"),
    "iso-8859-1": ("cp1252", _LATIN, b"\x81"),
    "windows-1252": ("cp1252", _LATIN, b"\x9d"),
    "us-ascii": ("cp1252", _LATIN, b"\x8f"),
    "iso-8859-15": ("iso8859-15", _LATIN + " 5 €", b""),
    "iso-8859-2": ("iso8859-2", _CZECH, b""),
    "windows-1250": ("cp1250", _POLISH, b"\x81"),
    "windows-1251": ("cp1251", _RUSSIAN, b"\x98"),
    "koi8-r": ("koi8-r", _RUSSIAN, b""),
    "koi8-u": ("koi8-u", _UKRAINIAN, b""),
    "iso-8859-5": ("iso8859-5", _RUSSIAN, b""),
    "x-mac-cyrillic": ("mac-cyrillic", _RUSSIAN, b""),
    "ibm866": ("cp866", _RUSSIAN, b""),
    "windows-1253": ("cp1253", _GREEK, b"\xff"),
    "iso-8859-7": ("iso8859-7", _GREEK, b"\xff"),
    "windows-1254": ("cp1254", _TURKISH, b"\x81"),
    "iso-8859-9": ("cp1254", _TURKISH, b"\x90"),
    "windows-1255": ("cp1255", _HEBREW, b"\xff"),
    "iso-8859-8-i": ("iso8859-8", _HEBREW, b"\xff"),
    "windows-1256": ("cp1256", _ARABIC, b""),
    "windows-1257": ("cp1257", _LITHUANIAN, b"\x81"),
    "windows-1258": ("cp1258", _VIETNAMESE, b"\xd2"),
    "windows-874": ("cp874", _THAI, b"\xdb"),
    "tis-620": ("cp874", _THAI, b"\xfc"),
    "gb2312": ("gb18030", _CHINESE + "镕", b"\xff"),
    "gbk": ("gb18030", _CHINESE, b"\xff"),
    "gb18030": ("gb18030", _CHINESE, b"\xff"),
    "big5": ("big5hkscs", _TAIWAN, b"\xff"),
    "shift_jis": ("cp932", _JAPANESE + "①", b"\xff"),
    "x-sjis": ("cp932", _JAPANESE, b"\xfd"),
    "euc-jp": ("euc_jp", _JAPANESE, b"\xff"),
    "iso-2022-jp": ("iso2022_jp", _JAPANESE, b""),
    "euc-kr": ("cp949", _KOREAN + "똠", b"\xff"),
    "ks_c_5601-1987": ("cp949", _KOREAN, b"\xff"),
    "macintosh": ("mac-roman", _LATIN, b""),
    "utf-16le": ("utf-16-le", _LATIN, b"\x00\xd8"),
    "utf-16be": ("utf-16-be", _LATIN, b"\xd8\x00"),
}


@dataclass(frozen=True)
class LabelledPage:
    """A page in a character set, and what it must hold when it is read."""

    name: str
    content_type: str
    body: bytes
    #: The text before and behind the byte that does not fit, or the whole text.
    parts: tuple[str, ...]

    def is_read(self, text: str) -> bool:
        """Whether a reader got every character that is there."""
        return all(part in text for part in self.parts)

    def answer(self) -> bytes:
        """It as a server's answer."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.content_type}\r\nConnection: close\r\n"
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


def _page(label: str, *, in_header: bool, broken: bool) -> LabelledPage:
    codec, text, bad = SETS[label]
    meta = "" if in_header else f'<meta charset="{label}">'
    start = f"<!doctype html><html><head>{meta}<title>F</title></head><body><p>{text}</p><p>"
    body = start.encode(codec)
    parts: tuple[str, ...] = (text,)
    if broken:
        # What follows the bad byte may be read as the second half of a character.
        body += bad + f" . </p><p>{text[::-1]}".encode(codec)
        parts = (text, text[::-1])
    content_type = f"text/html; charset={label}" if in_header else "text/html"
    name = f"{label}{'' if in_header else ' in meta'}{', a byte broken' if broken else ''}"
    return LabelledPage(name, content_type, body + "</p></body></html>".encode(codec), parts)


#: All pages: labelled in the header and, where that can be read, in a meta tag.
PAGES: list[LabelledPage] = [
    _page(label, in_header=in_header, broken=broken)
    for label, (_, _, bad) in SETS.items()
    for in_header in (True, False)
    for broken in (False, True)
    if (in_header or not label.startswith("utf-16")) and (bad or not broken)
]
