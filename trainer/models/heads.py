"""What sits on an encoder while it is trained: three heads.  What comes after has
its own (`trainer.models.task_head`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer.models.encoder import STD, Embeddings, Encoder
from trainer.models.layers import activate, make_norm
from trainer.models.linear import Linear, linear
from trainer.models.noise import truncated_normal
from trainer.settings.model import EncoderSettings


class MaskedHead(nn.Module):
    """Hidden states -> logits over the vocabulary, by the token embedding and a bias of its own."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.vocab = settings.vocab
        self.dense = Linear(settings.width, settings.embedding_width, bias=settings.bias)
        self.norm = make_norm(settings, settings.embedding_width)
        self.bias = nn.Parameter(torch.zeros(settings.rows))
        self.activation = settings.activation

    def before(self, hidden: Tensor) -> Tensor:
        """(..., width) -> what meets the embedding (..., its width)."""
        x: Tensor = self.norm(activate(self.dense(hidden), self.activation))
        return x

    def forward(self, hidden: Tensor, embeddings: Embeddings) -> Tensor:
        """(..., width) -> fp32 logits (..., padded vocabulary), -inf in the padding."""
        x = self.before(hidden)
        bias: Tensor = self.bias
        if len(bias) > self.vocab:  # in the bias: to mask the logits is to copy them
            padding = torch.arange(len(bias), device=bias.device) >= self.vocab
            bias = bias.masked_fill(padding, float("-inf"))
        return linear(x, embeddings.tokens.weight, bias).float()


class PairHead(nn.Module):
    """The state of [CLS] through a tanh layer -> two logits: sentence order or next sentence."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.pooler = Linear(settings.width, settings.width)
        self.score = Linear(settings.width, 2)

    def forward(self, hidden: Tensor) -> Tensor:
        """(batch, positions, width) -> fp32 logits (batch, 2)."""
        logits: Tensor = self.score(torch.tanh(self.pooler(hidden[:, 0])))
        return logits.float()


class ReplacedHead(nn.Module):
    """For each position the logit that its token was replaced."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.dense = Linear(settings.width, settings.width)
        self.score = Linear(settings.width, 1)
        self.activation = settings.activation

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., width) -> fp32 logits (...)."""
        x = activate(self.dense(hidden), self.activation)
        logits: Tensor = self.score(x)
        return logits[..., 0].float()


def init_encoder_weights(module: nn.Module, seed: int) -> None:
    """Fills all weights from `seed` as the releases do, with the same numbers on any device.

    Truncated normal 0.02, biases 0, norms 1; ELECTRA's last layer has TensorFlow's default,
    Glorot's uniform (`run_pretraining.py` of google-research/electra).  Where norms come first,
    what leads back into the sum is scaled by 1/sqrt(2 * layers), as in GPT-2 and ModernBERT.
    """
    generator = torch.Generator().manual_seed(seed)
    glorot = {id(m.score.weight) for m in module.modules() if isinstance(m, ReplacedHead)}
    scales = _residual_scales(module)
    for name, parameter in module.named_parameters():
        with torch.no_grad():
            if name.endswith("bias"):
                parameter.zero_()
            elif "norm" in name:
                parameter.fill_(1.0)
            elif id(parameter) in glorot:
                limit = (6.0 / sum(parameter.shape)) ** 0.5
                drawn = torch.empty(parameter.shape)
                parameter.copy_(drawn.uniform_(-limit, limit, generator=generator))
            else:
                truncated_normal(parameter, STD * scales.get(id(parameter), 1.0), generator)


def _residual_scales(module: nn.Module) -> dict[int, float]:
    scales = {}
    for encoder in module.modules():
        if isinstance(encoder, Encoder) and encoder.settings.norm_first:
            settings = encoder.settings
            scale = (2 * settings.layers * settings.inner_layers) ** -0.5
            for name, parameter in encoder.blocks.named_parameters():
                if name.endswith(("out.weight", "down.weight")):
                    scales[id(parameter)] = scale
    return scales
