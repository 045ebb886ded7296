"""An existing tokenizer, taken as it is (`tokens.kind = "file"`)."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from tokenizers import AddedToken, Tokenizer, models

from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.tokens.byte_bpe import byte_level
from pipeline.tokens.kind import TokenizerKind
from pipeline.tokens.tokenizer import TOKENIZER, end_id


class ExistingTokenizer(TokenizerKind):
    """A `tokenizer.json`, or GPT-2's `vocab.json` and `merges.txt`, at `tokens.path`."""

    end_token = "<|endoftext|>"
    trained = False

    def check(self) -> None:
        """There must be a path."""
        if not self.tokens.path:
            raise ValueError('path is empty; name the tokenizer.json for kind = "file"')

    def make(self, texts: Iterable[str]) -> Tokenizer:
        """Reads it; SettingError when it cannot be used."""
        paths, end = self.files(), self.tokens.end_token
        try:
            contents = [files.read_bytes(path).decode() for path in paths]
            tokenizer = Tokenizer.from_str(contents[0]) if len(contents) == 1 else _gpt2(*contents)
        except Exception as error:  # the library raises nothing narrower
            kind = "tokenizer.json" if len(paths) == 1 else "vocab.json with a merges.txt"
            raise SettingError(f"{paths[0]} is no {kind}: {error}", "Change tokens.path") from None
        end_id(tokenizer, end)
        if len(paths) > 1 and end:
            tokenizer.add_special_tokens([AddedToken(end, special=True)])
        return tokenizer

    def files(self) -> list[str]:
        """The files; SettingError where there is none.

        `tokens.path` is a `tokenizer.json`, a `vocab.json` with `merges.txt` beside it, or a
        folder with either.
        """
        path = self.tokens.path
        folder = path.rstrip("/") if not path.endswith(".json") else path.rpartition("/")[0] or "."
        pair = [files.join(folder, "vocab.json"), files.join(folder, "merges.txt")]
        if path.endswith("vocab.json"):
            wanted = pair
        elif path.endswith(".json"):
            wanted = [path]
        else:
            whole = files.join(folder, TOKENIZER)
            wanted = [whole] if files.exists(whole) else pair
        for name in wanted:
            if not files.exists(name):
                raise SettingError(
                    f"tokens.path: {name} does not exist",
                    "Name a tokenizer.json, or a vocab.json with merges.txt beside it",
                )
        return wanted


def _gpt2(vocab: str, merges: str) -> Tokenizer:
    """GPT-2's own files: entries with their ids, and one merge a line after a version line."""
    lines = [line for line in merges.split("\n") if line and not line.startswith("#version")]
    pairs = [(left, right) for left, _, right in (line.partition(" ") for line in lines)]
    return byte_level(models.BPE(vocab=orjson.loads(vocab), merges=pairs))
