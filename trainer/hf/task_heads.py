"""Fine-tuned encoders in Hugging Face's format: `…ForSequenceClassification` and its like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.store.errors import SettingError
from trainer.hf.format import Named, weights_of
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.models.task_head import TaskHead, Use

_CLASSES = {
    "bert": "Bert",
    "albert": "Albert",
    "electra": "Electra",
    "distilbert": "DistilBert",
    "modernbert": "ModernBert",
}
_USES: dict[Use, str] = {
    "sequence": "ForSequenceClassification",
    "choice": "ForMultipleChoice",
    "span": "ForQuestionAnswering",
}
#: What the names of a head begin with and those of encoders do not.
_PREFIXES = ("classifier.", "qa_outputs.", "sequence_summary.")


@dataclass(frozen=True)
class _Names:
    """Their names of a head's layers; empty where there is none."""

    score: str
    dense: str = ""
    norm: str = ""


_NAMES: dict[tuple[str, Use], _Names] = {
    ("bert", "sequence"): _Names("classifier", "bert.pooler.dense"),
    ("bert", "choice"): _Names("classifier", "bert.pooler.dense"),
    ("bert", "span"): _Names("qa_outputs"),
    ("albert", "sequence"): _Names("classifier", "albert.pooler"),
    ("albert", "choice"): _Names("classifier", "albert.pooler"),
    ("albert", "span"): _Names("qa_outputs"),
    ("electra", "sequence"): _Names("classifier.out_proj", "classifier.dense"),
    ("electra", "choice"): _Names("classifier", "sequence_summary.summary"),
    ("electra", "span"): _Names("qa_outputs"),
    ("distilbert", "sequence"): _Names("classifier", "pre_classifier"),
    ("distilbert", "choice"): _Names("classifier", "pre_classifier"),
    ("distilbert", "span"): _Names("qa_outputs"),
    ("modernbert", "sequence"): _Names("classifier", "head.dense", "head.norm"),
    ("modernbert", "choice"): _Names("classifier", "head.dense", "head.norm"),
    ("modernbert", "span"): _Names("classifier", "head.dense", "head.norm"),
}


def task_architectures(kind: str) -> dict[str, Use]:
    """The classes of a family that have such a head."""
    return {_CLASSES[kind] + name: use for use, name in _USES.items()} if kind in _CLASSES else {}


def belongs_to_task(name: str, kind: str, use: Use) -> bool:
    """Whether a tensor is the head's and not the encoder's or a head's of pre-training."""
    names = _NAMES[kind, use]
    ours = (f"{one}." for one in (names.score, names.dense, names.norm) if one)
    return name.startswith((*_PREFIXES, *ours))


def build_task_head(
    parts: Parts[Encoder], use: Use, config: dict[str, Any], folder: str
) -> TaskHead:
    """The head that a `config.json` describes, not initialised.

    Raises SettingError for several labels at once, pooling by the mean, and spans without ends.
    """
    _refuse(config, "problem_type", ("single_label_classification", "regression"), folder)
    _refuse(config, "classifier_pooling", ("cls",), folder)
    _refuse(config, "summary_type", ("first",), folder)
    _refuse(config, "summary_activation", ("gelu",), folder)
    _refuse(config, "summary_use_proj", (True,), folder)
    labels: tuple[str, ...] = ()
    if use == "sequence":
        labels = _labels(config, folder)
        if len(labels) == 1 or config.get("problem_type") == "regression":
            if len(labels) > 1:
                raise SettingError(f"{folder} gives {len(labels)} numbers", "Known is one number")
            labels = ()
    return TaskHead(parts.model.settings, parts.kind, use, labels)


def _refuse(config: dict[str, Any], name: str, allowed: tuple[Any, ...], folder: str) -> None:
    if config.get(name) is not None and config[name] not in allowed:
        raise SettingError(
            f"{folder}: {name} = {config[name]!r} makes a head that is not known here",
            f"Known: {', '.join(map(str, allowed))}",
        )


def _labels(config: dict[str, Any], folder: str) -> tuple[str, ...]:
    """By their numbers; two where a config names none, as transformers has it."""
    named = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    if sorted(map(str, named)) != sorted(map(str, range(len(named)))):
        raise SettingError(f"{folder}: id2label has not the numbers 0 to n", "Correct config.json")
    return tuple(str(named[str(number)]) for number in range(len(named)))


def task_tensors(parts: Parts[Encoder]) -> Iterator[Named]:
    """The weights of the head, if there is one."""
    head = parts.task
    if head is None:
        return
    names = _NAMES[parts.kind, head.use]
    for name, layer in (
        (names.dense, head.dense),
        (names.norm, head.norm),
        (names.score, head.score),
    ):
        if layer is not None:
            yield from weights_of(name, layer)


def task_config(parts: Parts[Encoder]) -> dict[str, Any]:
    """What a `config.json` says of the head; nothing where there is none."""
    head = parts.task
    if head is None:
        return {}
    config: dict[str, Any] = {"architectures": [_CLASSES[parts.kind] + _USES[head.use]]}
    if head.use == "sequence":
        labels = head.labels or ("LABEL_0",)
        config["id2label"] = {str(number): label for number, label in enumerate(labels)}
        config["label2id"] = {label: number for number, label in enumerate(labels)}
        config["problem_type"] = "single_label_classification" if head.labels else "regression"
    return config
