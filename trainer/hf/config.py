"""Reading a `config.json` so that nothing in it is passed over that could change the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.store.errors import SettingError
from trainer.settings.model import MOST_LAYERS

#: What a config may say that does not change a model's numbers: names and versions, how weights
#: were first filled, what is returned, how text is generated, how classes are called.
NO_MATTER = frozenset(
    """
    _attn_implementation _attn_implementation_autoset _commit_hash _name_or_path architectures
    attn_implementation auto_map bad_words_ids begin_suppress_tokens bos_token_id
    chunk_size_feed_forward classifier_dropout
    classifier_dropout_prob classifier_pooling cls_token_id cross_attention_hidden_size
    decoder_start_token_id deterministic_flash_attn directionality diversity_penalty do_sample dtype
    early_stopping encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty
    finetuning_task forced_bos_token_id forced_eos_token_id gradient_checkpointing id2label
    initializer_cutoff_factor initializer_range is_encoder_decoder keys_to_ignore_at_inference
    label2id language length_penalty mask_token_id max_length min_length model_type n_ctx name
    no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_attentions
    output_hidden_states output_past output_scores pad_token_id pooler_fc_size
    pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type prefix
    pretraining_tp problem_type reference_compile remove_invalid_values reorder_and_upcast_attn
    repad_logits_with_grad repetition_penalty return_dict return_dict_in_generate sep_token_id
    sparse_pred_ignore_index sparse_prediction summary_activation summary_first_dropout
    summary_last_dropout summary_proj_to_labels summary_type summary_use_proj suppress_tokens
    task_specific_params temperature tf_legacy_loss tie_encoder_decoder tokenizer_class top_k top_p
    torch_dtype torchscript transformers_version typical_p unk_token_id use_bfloat16 use_cache
    """.split()
)
#: Our activations by the name that is written, and other names of the same.
ACTIVATIONS = {"erf": "gelu", "tanh": "gelu_new", "silu": "silu", "relu2": "relu2"}
_SAME = {
    "erf": ("gelu_python",),
    "tanh": ("gelu_pytorch_tanh", "gelu_fast"),
    "silu": ("swish",),
    "relu2": (),
}


class Config:
    """The values of a `config.json`, each to be asked for once; what is left is refused."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values, self.where = dict(values), where
        self._asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or what transformers takes where it is not there."""
        self._asked.add(name)
        value = self._values.get(name, default)
        return default if value is None else value

    def need(self, name: str) -> Any:
        """A value that must be there."""
        if self.get(name) is None:
            raise SettingError(f"{self.where}: {name} is missing", "Take the config of the weights")
        return self.get(name)

    def layers(self, name: str) -> int:
        """How many layers there are, which lists are made of before a model is."""
        count = self.need(name)
        if type(count) is not int or not 0 < count <= MOST_LAYERS:
            raise self.refusal(name, count)
        return count

    def activation(self, name: str, default: str) -> str:
        """Ours, by any of the names that transformers has for it."""
        value = self.get(name, default)
        for ours, theirs in ACTIVATIONS.items():
            if value == theirs or value in _SAME[ours]:
                return ours
        raise self.refusal(name, value)

    def must(self, name: str, *allowed: Any, default: Any = None) -> None:
        """Refuses a value other than the first of `allowed`, or any of them."""
        value = self.get(name, allowed[0] if default is None else default)
        if value not in allowed:
            raise self.refusal(name, value)

    def refusal(self, name: str, value: Any) -> SettingError:
        """The error for a value that makes another model."""
        return SettingError(
            f"{self.where}: {name} = {value!r} makes a model that is not known here",
            "Take other weights, or build such a model as an objective of your own",
        )

    def done(self) -> None:
        """Refuses values that nobody has asked for and that may matter."""
        for name, value in sorted(self._values.items()):
            if name not in self._asked and name not in NO_MATTER and value not in (None, {}, []):
                raise SettingError(
                    f"{self.where}: {name} = {value!r} is not known here and may change the model",
                    "Take it out of the file if it does not",
                )
