"""Messages between a process and its extraction child: JSON and bytes, each with its length.

Nothing is pickled: what a hostile page makes of the child is read as plain values only.
"""

from __future__ import annotations

import struct
from typing import IO, Any

import orjson

_HEAD = struct.Struct(">II")  # bytes of the JSON, bytes of the body
HEAD_BYTES = _HEAD.size


def pack(values: dict[str, Any], body: bytes = b"") -> bytes:
    """One message.  Raises struct.error for a body of 4 GiB or more."""
    said = orjson.dumps(values, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    return _HEAD.pack(len(said), len(body)) + said + body


def lengths(head: bytes) -> tuple[int, int]:
    """(bytes of the JSON, bytes of the body) of the message that begins with `head`."""
    said, body = _HEAD.unpack(head)
    return said, body


def read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message of a stream; None at its end."""
    head = stream.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    said, body = lengths(head)
    return orjson.loads(stream.read(said)), stream.read(body)
