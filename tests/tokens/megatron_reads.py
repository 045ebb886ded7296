"""Run by the peers' Python: Megatron's own data sets over shards; prints what they give as JSON.

    megatron_reads.py gpt|bert CACHE PREFIX END VOCABULARY

`gpt`: the samples of an epoch of `GPTDataset`, each a list of tokens.  `bert`: an epoch or more of
`BERTMaskedWordPieceDataset`, before any token is masked: two segments, whether they were
exchanged, and whether they were cut.
"""

import json
import sys
import types

import numpy as np
import torch
from megatron.core.datasets.bert_dataset import (
    BERTMaskedWordPieceDataset,
    BERTMaskedWordPieceDatasetConfig,
)
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.utils import Split


def gpt(cache, prefix, tokenizer):
    config = GPTDatasetConfig(
        random_seed=1,
        sequence_length=2048,
        blend=([prefix], None),
        split="1,0,0",
        path_to_cache=cache,
        tokenizer=tokenizer,
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
    )
    low = GPTDataset.build_low_level_dataset(prefix, config)
    everything = np.arange(GPTDataset.numel_low_level_dataset(low), dtype=np.int32)
    data = GPTDataset(low, prefix, everything, None, Split.train, config)
    return [data[i]["tokens"].tolist() for i in range(len(data))]


def bert(cache, prefix, tokenizer):
    config = BERTMaskedWordPieceDatasetConfig(
        random_seed=1,
        sequence_length=512,
        blend=([prefix], None),
        split="1,0,0",
        path_to_cache=cache,
        tokenizer=tokenizer,
        masking_probability=0.15,
        short_sequence_probability=0.1,
        masking_max_ngram=1,
        masking_do_full_word=False,
        masking_do_permutation=False,
        masking_use_longer_ngrams=False,
        masking_use_geometric_distribution=False,
        classification_head=True,
    )
    low = BERTMaskedWordPieceDataset.build_low_level_dataset(prefix, config)
    everything = np.arange(BERTMaskedWordPieceDataset.numel_low_level_dataset(low), dtype=np.int32)
    data = BERTMaskedWordPieceDataset(low, prefix, everything, 500, Split.train, config)
    samples = []
    for i in range(len(data)):
        sample = data[i]
        whole = np.where(sample["loss_mask"] == 1, sample["labels"], sample["text"])
        segments = [whole[sample["types"] == n].tolist() for n in (0, 1)]
        exchanged, cut = bool(sample["is_random"]), bool(sample["truncated"])
        samples.append([segments[0][1:-1], segments[1][:-1], exchanged, cut])  # no [CLS], [SEP]
    return samples


kind, cache, prefix, end, vocabulary = sys.argv[1:]
torch.distributed.init_process_group(
    "gloo", init_method=f"file://{cache}/store", rank=0, world_size=1
)
size = int(vocabulary)
tokenizer = types.SimpleNamespace(
    unique_identifiers={"class": "made up"},
    vocab_size=size,
    eod=int(end),
    pad=size + 1,
    cls=size + 2,
    sep=size + 3,
    mask=size + 4,
    inv_vocab={n: f"piece{n}" for n in range(size)},
    vocab={f"piece{n}": n for n in range(size)},
)
print(json.dumps({"gpt": gpt, "bert": bert}[kind](cache, prefix, tokenizer)))
