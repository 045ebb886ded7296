"""What a student is told by its teacher's probabilities, and by the direction of its states.

Sums over places, as all loss terms are: the mean over the places that count is what PyTorch calls
`batchmean` of rows that are places.  Taken over sequences instead, the same word makes a loss
as many times too large as a sequence has tokens (its meaning in huggingface/transformers'
`distiller.py` is places: it selects them first).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def soft_target_loss(logits: Tensor, wanted: Tensor, counted: Tensor, temperature: float) -> Tensor:
    """T^2 times the summed Kullback-Leibler divergence from the teacher's to the student's.

    Hinton et al. 2015, section 2: T^2 keeps the size of the gradient when T changes.  `logits` and
    `wanted`, the teacher's, are (places, vocabulary); `counted`, bool (places), says which count.
    """
    student = (logits / temperature).log_softmax(-1)
    teacher = (wanted / temperature).log_softmax(-1)
    each = functional.kl_div(student, teacher, reduction="none", log_target=True).sum(-1)
    return temperature**2 * (each * counted).sum()


def direction_loss(states: Tensor, wanted: Tensor, counted: Tensor) -> Tensor:
    """Summed 1 - cosine between states (places, width) and the teacher's.

    Padding is left out (`counted`): two zero vectors there would count as a right angle.
    """
    cosine = functional.cosine_similarity(states.float(), wanted.float(), dim=-1)
    return ((1.0 - cosine) * counted).sum()
