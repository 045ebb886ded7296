"""Reads files of lines, such as Reddit's dumps: zst, gz, xz, bz2 or plain, of any length.

Bytes are cut into blocks of whole lines, and lines are decoded one by one, so that a
broken character costs one line.  How a file is packed is told by its first bytes, whatever its
name; a file whose name says that it is packed must be.

Most comments hold no address.  They are turned away by their bytes, a block at a
time, without ever becoming a Python object: `linked_lines`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stringzilla import count, find

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.packing import PIECE, CutError, DamagedError, in_utf8, unpacked

_LONGEST_LINE = 64 << 20  # bytes; a line beyond this is no record of Reddit

_SPACE = ord(" ")
#: What every address of the web has one of, as JSON may write it: also `www.`, `Www.`, `WWW.`.
_ADDRESS_SIGNS = (b":/", rb":\/", b"ww.", b"WW.")


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.  `offset` is that of the first byte in the unpacked text."""

    offset: int
    data: bytes
    #: Bytes read of the packed file so far.
    packed: int


def blocks(path: str, *, accept_cut: bool = False) -> Iterator[Block]:
    """The unpacked lines of a file, in blocks of some 1 MiB, without a byte order mark.

    Of a line of more than 64 MiB only the beginning is given, which is then a bad line.
    Raises WebtextError where the file is cut or damaged, or begins with such a line.  With
    `accept_cut` a file that ends in the middle gives what it has, its last line as it is.
    """
    cutter = _Cutter(path)
    with files.open_read(path) as stream:
        try:
            for piece in in_utf8(unpacked(stream, path), path):
                for offset, data in cutter.feed(piece):
                    yield Block(offset, data, stream.tell())
        except DamagedError as error:
            if not (accept_cut and isinstance(error, CutError)):
                raise _damaged(path, stream.tell(), str(error)) from error
        if cutter.rest:
            yield Block(cutter.offset, cutter.rest, stream.tell())
        elif not cutter.offset and not accept_cut:
            raise WebtextError(f"{path} is empty", "Fetch the file again, or leave it out")


class _Cutter:
    """Cuts the pieces of a file behind their last line; `rest`, at `offset`, is not given yet."""

    def __init__(self, path: str) -> None:
        self._path, self._skipping = path, False
        self.offset, self.rest = 0, b""

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """(offset, whole lines) that the next piece completes, and the head of a line too long."""
        fresh = self._behind_skipped(piece) if self._skipping else piece
        end = fresh.rfind(b"\n") + 1
        if end:
            data = self.rest + fresh[:end]
            yield self.offset, data
            self.offset, self.rest = self.offset + len(data), fresh[end:]
        else:
            self.rest += fresh
        if len(self.rest) > _LONGEST_LINE:
            if not self.offset:
                raise _too_long(self._path)
            yield self.offset, self.rest[:PIECE]
            self.offset, self.rest, self._skipping = self.offset + len(self.rest), b"", True

    def _behind_skipped(self, piece: bytes) -> bytes:
        end = piece.find(b"\n") + 1
        self._skipping = not end
        self.offset += end or len(piece)
        return piece[end:] if end else b""


def lines(block: Block) -> Iterator[tuple[int, bytes]]:
    """(offset, line without its end) for each line of a block that is not blank."""
    offset = block.offset
    for line in block.data.split(b"\n"):
        if line and (line[-1] > _SPACE or line.strip()):  # the first is the quick answer
            yield offset, line
        offset += len(line) + 1


def linked_lines(block: Block) -> tuple[int, list[tuple[int, bytes]]]:
    """(lines in the block, those that may hold an address or are no whole JSON object).

    A line is turned away when it holds neither `:/` (nor `:\\/`, as JSON may write it)
    nor `ww.` or `WW.`.  A line that does not begin with `{` or end with `}`, or holds
    a NUL, is always given, so that bad lines are seen even where nothing is parsed.
    """
    data = block.data if block.data.endswith(b"\n") else block.data + b"\n"
    read, found = _bad_lines(data)
    for sign in _ADDRESS_SIGNS:
        hit = find(data, sign)
        while hit >= 0:
            start, end = data.rfind(b"\n", 0, hit) + 1, data.index(b"\n", hit)
            found[start] = end
            hit = find(data, sign, end)
    chosen = [(block.offset + start, data[start:end]) for start, end in sorted(found.items())]
    return read, chosen


def object_lines(data: bytes) -> int:
    """How many lines, where each ends between `}` and `{` and none holds a NUL; else 0.

    That is told by counting, no line is looked at by itself.  Where `data` is a row of JSON
    objects as well, each is one line: within an object no `{` follows a `}` without a comma.
    """
    ends = count(data, b"\n")
    if not (data.startswith(b"{") and data.endswith(b"}\n") and b"\0" not in data):
        return 0
    return ends if count(data, b"}\n{") == ends - 1 else 0


def _bad_lines(data: bytes) -> tuple[int, dict[int, int]]:
    """(lines that are not blank, {start: end} of those that are no whole JSON object)."""
    filled, bad, start = object_lines(data), dict[int, int](), 0
    if filled:
        return filled, bad
    for line in data.split(b"\n"):
        end = start + len(line)
        whole = line.startswith(b"{") and line.endswith((b"}", b"}\r")) and b"\0" not in line
        if whole or line.strip():
            filled += 1
            if not whole:
                bad[start] = end
        start = end + 1
    return filled, bad


def _damaged(path: str, offset: int, how: str) -> WebtextError:
    return WebtextError(
        f"{path} is cut or damaged: {how} at byte {offset:,}",
        "Fetch the file again and compare its checksum; of a cut dump a source of kind "
        "reddit-dump takes what is there with accept_cut = true",
    )


def _too_long(path: str) -> WebtextError:
    return WebtextError(
        f"{path} begins with a line of more than {_LONGEST_LINE >> 20} MiB",
        "Is it a dump with one JSON object a line?",
    )
