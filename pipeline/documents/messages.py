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
    encoded = orjson.dumps(values, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    return _HEAD.pack(len(encoded), len(body)) + encoded + body


def lengths(head: bytes) -> tuple[int, int]:
    """(bytes of the JSON, bytes of the body) of the message that begins with `head`."""
    values_bytes, body_bytes = _HEAD.unpack(head)
    return values_bytes, body_bytes


def read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message of a stream; None at its end."""
    head = stream.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    values_bytes, body_bytes = lengths(head)
    return orjson.loads(stream.read(values_bytes)), stream.read(body_bytes)
