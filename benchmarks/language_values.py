"""Writes `pipeline/quality/languages.json` from FineWeb2's published values.

    git clone https://github.com/huggingface/fineweb-2
    python benchmarks/language_values.py fineweb-2/configs

FineWeb2 (Penedo et al. 2025, arXiv 2506.20920) derives the thresholds of Gopher's, FineWeb's and
the repetition rules for each language from its own text, and takes its most frequent words
as stop words.  It leaves English out: here it has the values of the rules' papers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from pipeline.quality.published import TABLE

#: Languages that language identification names, and their configurations (ISO 639-3 and script).
#: Of a language in two scripts, both hold: all stop words, the looser thresholds.
CONFIGURATIONS = """
af afr_Latn; am amh_Ethi; an arg_Latn; ar arb_Arab; as asm_Beng; ast ast_Latn; az azj_Latn;
ba bak_Cyrl; be bel_Cyrl; bg bul_Cyrl; bn ben_Beng; br bre_Latn; bs bos_Latn;
ca cat_Latn; ceb ceb_Latn; ckb ckb_Arab; cs ces_Latn; cv chv_Cyrl; cy cym_Latn; da dan_Latn;
de deu_Latn; dv div_Thaa; el ell_Grek; eo epo_Latn; es spa_Latn; et ekk_Latn; eu eus_Latn;
fa fas_Arab; fi fin_Latn; fo fao_Latn; fr fra_Latn; fy fry_Latn; ga gle_Latn; gd gla_Latn;
gl glg_Latn; gn gug_Latn; gu guj_Gujr; ha hau_Latn; he heb_Hebr; hi hin_Deva; hr hrv_Latn;
ht hat_Latn; hu hun_Latn; hy hye_Armn; id ind_Latn; ig ibo_Latn; is isl_Latn; it ita_Latn;
ja jpn_Jpan; jv jav_Latn; ka kat_Geor; kk kaz_Cyrl; km khm_Khmr; kn kan_Knda; ko kor_Hang;
ku kmr_Latn; ky kir_Cyrl; la lat_Latn; lb ltz_Latn; lo lao_Laoo; lt lit_Latn; lv lvs_Latn;
mg plt_Latn; mi mri_Latn; mk mkd_Cyrl; ml mal_Mlym; mn khk_Cyrl; mr mar_Deva; ms zsm_Latn;
mt mlt_Latn; my mya_Mymr; nb nob_Latn; ne npi_Deva; nl nld_Latn; nn nno_Latn; no nob_Latn;
oc oci_Latn; or ory_Orya; pa pan_Guru; pl pol_Latn; ps pbt_Arab; pt por_Latn; qu quy_Latn quz_Latn;
ro ron_Latn; ru rus_Cyrl; rw kin_Latn; sa san_Deva; sd snd_Arab; si sin_Sinh; sk slk_Latn;
sl slv_Latn; so som_Latn; sq als_Latn; sr srp_Cyrl srp_Latn; st sot_Latn; su sun_Latn; sv swe_Latn;
sw swh_Latn; ta tam_Taml; te tel_Telu; tg tgk_Cyrl; th tha_Thai; tk tuk_Latn; tl fil_Latn;
tr tur_Latn; tt tat_Cyrl; ug uig_Arab; uk ukr_Cyrl; ur urd_Arab; uz uzn_Latn; vi vie_Latn;
xh xho_Latn; yi ydd_Hebr; yo yor_Latn; yue yue_Hani; zh cmn_Hani; zu zul_Latn
"""

#: FineWeb2's keys and the rules that they bound.
_RULES = {
    "min_avg_word_length": "gopher_min_mean_word_length",
    "max_avg_word_length": "gopher_max_mean_word_length",
    "max_non_alpha_words_ratio": "gopher_min_alphabetic_words",  # the least share that is
    "dup_line_frac": "repetition_max_duplicate_lines",
    "line_punct_thr": "fineweb_min_terminal_lines",
    "new_line_ratio": "fineweb_max_lines_per_word",
}
_NGRAMS = {"top_n_grams": "top", "dup_n_grams": "duplicate"}

#: The values that hold for English.  Sources: Rae et al. 2021, arXiv 2112.11446, section A.1.1 and
#: table A1; Penedo et al. 2024, arXiv 2406.17557, section 3.6.
_ENGLISH: dict[str, Any] = {
    "stop_words": ["the", "be", "to", "of", "and", "that", "have", "with"],
    "gopher_min_mean_word_length": 3,
    "gopher_max_mean_word_length": 10,
    "gopher_min_alphabetic_words": 0.8,
    "gopher_min_stop_words": 2,
    "repetition_max_duplicate_lines": 0.3,
    "repetition_max_top_2_gram": 0.2,
    "repetition_max_top_3_gram": 0.18,
    "repetition_max_top_4_gram": 0.16,
    "repetition_max_duplicate_5_gram": 0.15,
    "repetition_max_duplicate_6_gram": 0.14,
    "repetition_max_duplicate_7_gram": 0.13,
    "repetition_max_duplicate_8_gram": 0.12,
    "repetition_max_duplicate_9_gram": 0.11,
    "repetition_max_duplicate_10_gram": 0.1,
    "fineweb_min_terminal_lines": 0.12,
    "fineweb_max_short_lines": 0.67,
    "fineweb_max_duplicate_line_chars": 0.01,
    "fineweb_max_lines_per_word": 0.3,
}

#: What FineWeb2's pipeline sets for all its languages (`fineweb-2-pipeline.py`).
_ALL_OTHERS = {"gopher_min_stop_words": 2, "fineweb_max_duplicate_line_chars": 0.1}


def values_of(configuration: dict[str, Any]) -> dict[str, Any]:
    """Stop words and thresholds of one configuration, by the names of this project's rules."""
    found = dict(_ALL_OTHERS) | {rule: configuration[key] for key, rule in _RULES.items()}
    for key, kind in _NGRAMS.items():
        found |= {f"repetition_max_{kind}_{n}_gram": share for n, share in configuration[key]}
    # A middle dot, which is among those of Chinese and Japanese, is no word.
    words = [w.rstrip(".") for w in configuration["stopwords"] if any(map(str.isalnum, w))]
    return {"stop_words": words, **dict(sorted(found.items()))}


def both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """All stop words of two scripts of a language, and of each threshold the looser."""
    joined = {
        rule: (min if "_min_" in rule else max)(first[rule], second[rule])
        for rule in first
        if rule != "stop_words"
    }
    return {"stop_words": sorted({*first["stop_words"], *second["stop_words"]}), **joined}


def main() -> None:
    """One language a line, so that a change of values is read in the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", type=Path)
    folder = parser.parse_args().configs
    table = {"en": _ENGLISH}
    for entry in CONFIGURATIONS.split(";"):
        language, *names = entry.split()
        scripts = [
            values_of(yaml.safe_load((folder / f"{name}.yml").read_text("utf-8"))) for name in names
        ]
        table[language] = scripts[0] if len(scripts) == 1 else both(*scripts)
    lines = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in table.items())
    with TABLE.open("w", encoding="utf-8") as out:
        out.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
