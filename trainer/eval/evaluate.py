"""`webtext eval`: the loss of a run on its validation text, or its accuracy on a task."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.store.errors import SettingError
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.data.tokenizers import same_tokenizers
from trainer.eval.few_shot import FewShot
from trainer.eval.loss import evaluate, token_bytes, unigram_entropy
from trainer.eval.pseudo import judge_pairs
from trainer.eval.task import read_items
from trainer.eval.zero_shot import measure_choices
from trainer.hf.open_encoder import give_teacher
from trainer.models.encoder import Encoder
from trainer.objectives import open_stream
from trainer.run.distributed import joined
from trainer.run.run import decoder, load_run

Say = Callable[[str], None]


def evaluate_run(run: str, data: str | None, step: int | None, say: Say) -> dict[str, float]:
    """The whole validation split of the run's shards (or of `data`).

    Raises SettingError where the shards have another tokenizer.
    """
    with joined("auto") as world:
        loaded = load_run(run, world.device, step, say)
        shards = find_shards(data or loaded.facts.data)
        if data is None:
            shards = shards.at(loaded.facts.generations)
        if data is None and shards.fingerprint != loaded.facts.fingerprint:
            say("The shards have changed since the run began: these figures are on the new ones.")
        if not same_tokenizers([shards.tokenizer, loaded.folder.tokenizer_path]):
            raise SettingError(
                f"The shards in {shards.address} have another tokenizer than {run}",
                'Build them with the run\'s: [tokens] kind = "file" takes its tokenizer.json',
            )
        stream = open_stream(loaded.recipe, shards, "validation")
        give_teacher(loaded.objective, loaded.recipe, loaded.folder.tokenizer_path, say)
        bf16 = False
        sizes = token_bytes(loaded.folder.tokenizer_path)
        objective = loaded.objective
        result = evaluate(objective, objective, stream, 0, 16, world, bf16, sizes)
        if isinstance(stream, Stream):
            result["unigram_entropy"] = unigram_entropy(stream, loaded.recipe.model.vocab)
    return result


def judge_run(
    run: str, task: str, file: str, few: FewShot, limit: int, step: int | None, say: Say
) -> dict[str, float]:
    """Accuracy of a run on a task; `limit` takes the first items only (0: all)."""
    items = read_items(task, file)
    with joined("auto") as world:
        loaded = load_run(run, world.device, step, say)
        end = loaded.facts.end_token
        begin = end if end is not None else 0
        items = items[: limit or len(items)]
        parts = loaded.objective.exports()[""]
        if isinstance(parts.model, Encoder):
            return judge_pairs(parts, loaded.tokenizer, items, world)
        return measure_choices(decoder(loaded), loaded.tokenizer, items, begin, few, world)
