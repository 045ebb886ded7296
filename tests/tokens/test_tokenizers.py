"""The tokenizers of ALBERT and ELECTRA, and all three as transformers opens them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sentencepiece
from support import PROJECT, SCRIPTS
from tokenizers import Regex, Tokenizer, normalizers

from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.parts import work_key
from pipeline.tokens import tokenizer as tok
from pipeline.tokens import unigram
from pipeline.tokens.accents import accents_pattern
from pipeline.tokens.encode import load_encoder
from pipeline.tokens.settings import TokensSettings
from pipeline.tokens.words import word_counts

#: Some prose with accents and quotes, and every script often enough to get pieces.
TEXTS = [
    'It\'s naïve to say "no" (or yes) in 1999. The Émigré paid £3.50 — twice, e.g. here. ' * 30,
    "Tokens are pieces of words; words are pieces of sentences. Sentences end. " * 30,
    *(f"{line} " * 10 for line in SCRIPTS),
]
KINDS = ("bpe", "unigram", "wordpiece")

_TRAIN = """
import sys
import unicodedata
from pipeline.tokens.settings import TokensSettings
texts = open(sys.argv[2], encoding="utf-8", newline="").read().split("\\0")
kind = TokensSettings(kind=sys.argv[1], vocab_size=1200).chosen_kind()
print(kind.make(texts).to_str(), end="")
"""


def settings_of(kind: str) -> TokensSettings:
    return TokensSettings.model_validate({"kind": kind, "vocab_size": 1200})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each kind, as the stage writes it."""
    found = {}
    for kind in KINDS:
        folder = found[kind] = tmp_path_factory.mktemp(kind)
        tokenizer = settings_of(kind).chosen_kind().make(TEXTS)
        tokenizer.save(str(folder / tok.TOKENIZER))
        for name, data in tok.for_transformers(settings_of(kind)).items():
            (folder / name).write_bytes(data)
    return found


def opened(folders: dict[str, Path], kind: str) -> Tokenizer:
    return Tokenizer.from_file(str(folders[kind] / tok.TOKENIZER))


@pytest.mark.parametrize("kind", KINDS)
def test_other_threads_and_seeds_give_the_same_bytes(
    kind: str, sample_root: Path, tmp_path: Path
) -> None:
    corpus = Corpus(str(sample_root)).paths("corpus", "2024-01")
    pages = [t for path in corpus for t in pq.read_table(path)["text"].to_pylist()[:30]]
    texts = tmp_path / "texts"
    texts.write_bytes("\0".join([*pages, *SCRIPTS]).encode())
    made = set()
    for threads, seed in ((1, 1), (3, 2)):
        variables = {"RAYON_NUM_THREADS": str(threads), "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-c", _TRAIN, kind, str(texts)],
            cwd=PROJECT,
            env=os.environ | variables | {"OMP_NUM_THREADS": str(threads)},
            capture_output=True,
            check=True,
        )
        made.add(done.stdout)
    assert len(made) == 1
    assert len(json.loads(made.pop())["model"]["vocab"]) >= 1199


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("unigram", {"<pad>": 0, "<unk>": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "(": 5, "€": 12}),
        ("wordpiece", {"[PAD]": 0, "[unused0]": 1, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102}),
        ("wordpiece", {"[unused98]": 99, "[MASK]": 103}),
    ],
)
def test_special_tokens_are_where_the_release_has_them(
    folders: dict[str, Path], kind: str, ids: dict[str, int]
) -> None:
    tokenizer = opened(folders, kind)
    assert {token: tokenizer.token_to_id(token) for token in ids} == ids
    assert tokenizer.get_vocab_size() <= 1200


def test_defaults_follow_the_kind() -> None:
    settings = {kind: TokensSettings(kind=kind) for kind in KINDS}
    assert {k: (s.name, s.vocab_size, s.end_token) for k, s in settings.items()} == {
        "bpe": ("gpt2", 50_257, "<|endoftext|>"),
        "unigram": ("albert", 30_000, ""),
        "wordpiece": ("electra", 30_522, ""),
    }


@pytest.mark.parametrize(
    ("old", "kind", "digest"),
    [
        ("gpt2", "bpe", "0cd7d15b64626e2bffd6accf740a5972"),
        ("albert", "unigram", "fc6d4589027d0f374bb22f14a68f13de"),
        ("electra", "wordpiece", "26162efaad42ed84e6aa51ca9be31329"),
    ],
)
def test_old_names_are_read_and_old_tokenizers_stay_what_they_are(
    old: str, kind: str, digest: str
) -> None:
    """`digest` is that of manifests written while kinds had the names of models."""
    settings = TokensSettings(kind=old)
    assert settings == TokensSettings(kind=kind)
    assert work_key(sorted(settings.of_tokenizer().items())) == digest


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "ubigram"}, "no tokenizer has this name. Known: bpe, file.*mean unigram"),
        ({"kind": "wordpiece", "vocab_size": 900}, "1,000 at least"),
        ({"kind": "file"}, "name the tokenizer.json"),
        ({"unigram": {"coverage": 1}}, "unknown key unigram"),
    ],
)
def test_a_wrong_setting_names_the_known(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        TokensSettings.checked(values, "recipe.toml")


def test_accents_are_marks_of_a_combining_class() -> None:
    """As the release asks `unicodedata`; on a later Python, which knows more marks, of those."""
    whole = "".join(map(chr, range(0x110000))).encode(errors="ignore").decode()
    marks = set(whole) - set(normalizers.Replace(Regex(accents_pattern()), "").normalize_str(whole))
    theirs = {character for character in whole if unicodedata.combining(character)}
    assert marks == theirs if unicodedata.unidata_version == "14.0.0" else marks < theirs
    assert len(marks) == 912


@pytest.mark.parametrize(
    "text", ["हिन्दी में लिखा है", "தமிழ் எழுத்து", "ภาษาไทยนี้", "বাংলা", "Cafe\u0301 Ωμέγα"]
)
def test_vowel_signs_stay_as_in_the_release(text: str) -> None:
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
    assert unigram.normalizer().normalize_str(text) == unicodedata.normalize("NFKC", bare)


def test_albert_normalises_as_the_release(folders: dict[str, Path]) -> None:
    normal = opened(folders, "unigram").normalizer
    for text, expected in (
        ("``Émigré''  naïve", '"emigre" naive'),
        (" A\tb\n c\u200bd ", "a b c d"),
        ("ﬁn ½ Ａ", "fin 1⁄2 a"),
        ("안녕 Ёж", "안녕 еж"),
        ("a\u2581b", "a b"),
    ):
        assert normal.normalize_str(text) == expected


@pytest.mark.parametrize("text", SCRIPTS)
def test_round_trip_on_every_script(folders: dict[str, Path], text: str) -> None:
    """Exact for bytes; the normalised text for Unigram; that but for white space for WordPiece."""
    for kind in KINDS:
        tokenizer = opened(folders, kind)
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        back = tokenizer.decode(ids)
        if kind == "wordpiece":
            normal, back = "".join(normal.split()), "".join(back.split())
        assert back == normal, kind


def test_pieces_are_those_of_sentencepiece() -> None:
    """The trained model, run by SentencePiece itself, cuts texts as tokenizer.json does."""
    normal = unigram.normalizer()
    counts = word_counts(TEXTS, lambda word: normal.normalize_str(word).split())
    model = unigram.train_model(counts, 1200)
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model)
    ours = settings_of("unigram").chosen_kind().make(TEXTS)
    assert theirs.get_piece_size() == ours.get_vocab_size()
    for text in [*TEXTS, "Unseen: zebras quaff (5) vats of £7 gin - why?"]:
        expected = theirs.encode(normal.normalize_str(text), out_type=int)
        assert ours.encode(text, add_special_tokens=False).ids == expected


def test_a_vocabulary_smaller_than_the_alphabet_is_refused() -> None:
    with pytest.raises(SettingError, match=r"tokens\.vocab_size = 258.*greater vocabulary"):
        TokensSettings(kind="unigram", vocab_size=258).chosen_kind().make(
            ["".join(map(chr, range(0x4E00, 0x5000)))]
        )


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_loads_the_folder_unchanged(folders: dict[str, Path], kind: str) -> None:
    transformers = pytest.importorskip("transformers")
    loaded = transformers.AutoTokenizer.from_pretrained(str(folders[kind]))
    ours = opened(folders, kind)
    assert len(loaded) == ours.get_vocab_size()
    for text in [*TEXTS, "one [MASK] two"]:
        assert loaded(text)["input_ids"] == ours.encode(text).ids
        assert loaded(text, add_special_tokens=False)["input_ids"] == (
            ours.encode(text, add_special_tokens=False).ids
        )
    if kind == "bpe":
        assert loaded.eos_token_id == loaded.bos_token_id == len(loaded) - 1
        assert loaded.decode(loaded(TEXTS[0])["input_ids"]) == TEXTS[0]
        return
    names = {"unigram": (0, 1, 2, 3, 4), "wordpiece": (0, 100, 101, 102, 103)}[kind]
    assert names == (
        loaded.pad_token_id,
        loaded.unk_token_id,
        loaded.cls_token_id,
        loaded.sep_token_id,
        loaded.mask_token_id,
    )
    pair = loaded("one", "two words", padding="max_length", max_length=16)
    ids, types = pair["input_ids"], pair["token_type_ids"]
    second = ids.index(names[3]) + 1
    assert ids[0] == names[2]
    assert ids.count(names[3]) == 2
    assert types[:second] == [0] * second
    assert types[second : ids.index(0)] == [1] * (ids.index(0) - second)


def test_gpt2s_own_files_are_taken_as_they_are(folders: dict[str, Path], tmp_path: Path) -> None:
    ours = opened(folders, "bpe")
    ours.model.save(str(tmp_path))
    end = ours.token_to_id("<|endoftext|>")
    vocab = json.loads((tmp_path / "vocab.json").read_text())
    (tmp_path / "vocab.json").write_text(json.dumps(vocab | {"<|endoftext|>": end}))
    for path in (tmp_path, tmp_path / "vocab.json"):
        wanted = TokensSettings(kind="file", path=str(path))
        found = wanted.chosen_kind().make(())
        assert found.get_vocab() == ours.get_vocab()
        for text in TEXTS:
            assert found.encode(text).ids == ours.encode(text).ids
        assert found.encode("a<|endoftext|>").ids[-1] == end
    (tmp_path / "merges.txt").write_text("#version: 0.2\nno merge of this\n")
    with pytest.raises(SettingError, match=r"vocab\.json with a merges\.txt"):
        TokensSettings(kind="file", path=str(tmp_path)).chosen_kind().make(())
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(SettingError, match=r"merges\.txt does not exist"):
        TokensSettings(kind="file", path=str(tmp_path)).chosen_kind().make(())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bpe", "one<|endoftext|>two"),
        ("unigram", "one [SEP] two <pad> [MASK]"),
        ("wordpiece", "one [SEP] two [PAD] [MASK]"),
    ],
)
def test_a_page_brings_no_special_tokens(folders: dict[str, Path], kind: str, text: str) -> None:
    ours, settings = opened(folders, kind), settings_of(kind)
    roles = settings.chosen_kind().roles
    special = {ours.token_to_id(name) for role, name in roles.items() if role != "unk_token"}
    special = special or {ours.token_to_id("<|endoftext|>")}
    assert special & set(ours.encode(text, add_special_tokens=False).ids)
    encoder = load_encoder(str(folders[kind] / tok.TOKENIZER), settings)
    assert not special & set(encoder.tokenizer.encode(text, add_special_tokens=False).ids)
    assert encoder.tokenizer.get_vocab_size() == ours.get_vocab_size()
    for plain in TEXTS:
        assert encoder.tokenizer.encode(plain).ids == ours.encode(plain).ids


def test_words_are_counted_and_the_rarest_forgotten() -> None:
    def pieces(word: str) -> list[str]:
        return word.lower().split("-")

    assert word_counts(["B a-c\nb", "A"], pieces) == [("a", 2), ("b", 2), ("c", 1)]
    texts = ["often often rare1", "rare2 often twice", "twice rare3 rare4"]
    assert word_counts(texts, pieces, most=4) == [("often", 3), ("twice", 2)]
