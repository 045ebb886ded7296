"""The layout of an encoder's rows, which the stream writes and the objectives take apart."""

from __future__ import annotations

#: Columns of a row before the tokens: sample number (low 31 bits, high bits), length of the
#: first segment with [CLS] and [SEP], label (-1: none).
HEADER = 4
