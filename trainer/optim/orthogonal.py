"""Matrices brought near orthogonal, by all processes of a run together.

Each matrix is the work of one process.  Where gradients are whole everywhere (DDP), the results are
gathered, once for each shape.  Where each process has some rows of every matrix (FSDP), rows go to
the process whose matrix they are, and come back orthogonalised: two exchanges in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from trainer.optim.shares import group_of, rows_of

#: Coefficients of the iteration: steep at 0, and near 1 afterwards (Jordan 2024).
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


@dataclass(frozen=True)
class Matrix:
    """Rows [start, stop) of a parameter, of `columns` columns; `owner` orthogonalises it."""

    parameter: int
    start: int
    stop: int
    columns: int
    owner: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.stop - self.start, self.columns


def newton_schulz(stack: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly: singular values in about [0.7, 1.2].

    (matrices, rows, columns), in bf16 on a GPU.
    """
    x = stack.to(torch.bfloat16 if stack.is_cuda else torch.float32)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result.to(stack.dtype)


def orthogonalise(
    parameters: Sequence[Tensor], wanted: Sequence[Tensor], stacked: Sequence[tuple[int, ...]]
) -> list[Tensor]:
    """Orthogonal updates, each times sqrt(max(1, rows / columns)).

    `wanted` are this process's shares of the directions, and so is the result; `stacked` has the
    rows of the matrices in each parameter.
    """
    sharing = group_of(parameters)
    group = sharing
    if group is None and dist.is_initialized():
        group = dist.group.WORLD
    processes = 1 if group is None else dist.get_world_size(group)
    matrices = list(_matrices(parameters, stacked, processes))
    if group is None:
        return _put_together(wanted, matrices, _solved([(m, _part(m, wanted)) for m in matrices]))
    if sharing is None:
        return _gathered(matrices, wanted, group)
    totals = [parameter.shape[0] for parameter in parameters]
    return RowExchange(matrices, totals, group).orthogonalise(wanted)


def _matrices(
    parameters: Sequence[Tensor], stacked: Sequence[tuple[int, ...]], processes: int
) -> Iterable[Matrix]:
    """All matrices; those of a shape are dealt out in turn."""
    dealt: dict[tuple[int, int], int] = {}
    for number, (parameter, rows) in enumerate(zip(parameters, stacked, strict=True)):
        start, columns = 0, parameter.shape[1]
        for count in rows:
            turn = dealt.get((count, columns), 0)
            dealt[count, columns] = turn + 1
            yield Matrix(number, start, start + count, columns, turn % processes)
            start += count


def _part(matrix: Matrix, wanted: Sequence[Tensor]) -> Tensor:
    return wanted[matrix.parameter][matrix.start : matrix.stop]


def _solved(work: Sequence[tuple[Matrix, Tensor]]) -> dict[Matrix, Tensor]:
    """Whole matrices orthogonalised, those of a shape together."""
    shapes: dict[tuple[int, int], list[tuple[Matrix, Tensor]]] = {}
    for matrix, tensor in work:
        shapes.setdefault(matrix.shape, []).append((matrix, tensor))
    result: dict[Matrix, Tensor] = {}
    for (rows, columns), some in shapes.items():
        stack = newton_schulz(torch.stack([tensor for _, tensor in some]))
        stack = stack * max(1.0, rows / columns) ** 0.5
        result |= {matrix: one for (matrix, _), one in zip(some, stack, strict=True)}
    return result


def _gathered(
    matrices: Sequence[Matrix], wanted: Sequence[Tensor], group: dist.ProcessGroup
) -> list[Tensor]:
    """Each process solves its matrices and gets those of the others."""
    rank, size = dist.get_rank(group), dist.get_world_size(group)
    solved = _solved([(m, _part(m, wanted)) for m in matrices if m.owner == rank])
    for rows, columns in dict.fromkeys(m.shape for m in matrices):
        here = [m for m in matrices if m.shape == (rows, columns)]
        most = -(-len(here) // size)
        mine = wanted[0].new_zeros(most, rows, columns)
        for slot, matrix in enumerate(m for m in here if m.owner == rank):
            mine[slot] = solved[matrix]
        everything = mine.new_empty(size * most, rows, columns)
        dist.all_gather_into_tensor(everything, mine, group=group)
        # Matrix n of a shape is the work of process n % size, and its (n // size)-th.
        solved |= {m: everything[m.owner * most + n // size] for n, m in enumerate(here)}
    return _put_together(wanted, matrices, solved)


def _put_together(
    wanted: Sequence[Tensor], matrices: Sequence[Matrix], solved: dict[Matrix, Tensor]
) -> list[Tensor]:
    results = [torch.empty_like(tensor) for tensor in wanted]
    for matrix in matrices:
        results[matrix.parameter][matrix.start : matrix.stop] = solved[matrix]
    return results


class RowExchange:
    """Rows to the process whose matrix they are, and back.

    `totals`: rows of each parameter, of which each process holds a part.
    """

    def __init__(
        self, matrices: Sequence[Matrix], totals: Sequence[int], group: dist.ProcessGroup
    ) -> None:
        self.totals, self.group = totals, group
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)
        #: The matrices of each process.
        self.owned = [[m for m in matrices if m.owner == one] for one in range(self.size)]

    def orthogonalise(self, wanted: Sequence[Tensor]) -> list[Tensor]:
        """This process's rows, of matrices that other processes have orthogonalised."""
        mine = self.owned[self.rank]
        out = [self._flat([self._here(m, wanted) for m in some], wanted) for some in self.owned]
        counts = [[self._count(m, one) for m in mine] for one in range(self.size)]
        received = self._all_to_all(out, counts)
        whole = [
            (matrix, torch.cat([received[one][n] for one in range(self.size)]).view(matrix.shape))
            for n, matrix in enumerate(mine)
        ]
        solved = _solved(whole)
        back = [
            self._flat([_rows(solved[m], self._held(m, one), m.start) for m in mine], wanted)
            for one in range(self.size)
        ]
        counts = [[self._count(m, self.rank) for m in some] for some in self.owned]
        results = [torch.empty_like(tensor) for tensor in wanted]
        for some, pieces in zip(self.owned, self._all_to_all(back, counts), strict=True):
            for matrix, piece in zip(some, pieces, strict=True):
                here = self._here(matrix, results)
                here.copy_(piece.view(here.shape))
        return results

    def _held(self, matrix: Matrix, process: int) -> tuple[int, int]:
        """Which rows of a matrix a process has, counted in the parameter."""
        first, end = rows_of(self.totals[matrix.parameter], process, self.size)
        start = min(max(matrix.start, first), matrix.stop)
        return start, max(start, min(matrix.stop, end))

    def _here(self, matrix: Matrix, shares: Sequence[Tensor]) -> Tensor:
        """The rows of a matrix in this process's share of its parameter, as a view."""
        share = shares[matrix.parameter]
        start, stop = self._held(matrix, self.rank)
        first, _ = rows_of(self.totals[matrix.parameter], self.rank, self.size)
        return share[start - first : stop - first] if stop > start else share[:0]

    def _count(self, matrix: Matrix, process: int) -> int:
        start, stop = self._held(matrix, process)
        return (stop - start) * matrix.columns

    def _flat(self, tensors: Sequence[Tensor], like: Sequence[Tensor]) -> Tensor:
        return torch.cat([like[0].new_empty(0), *(tensor.flatten() for tensor in tensors)])

    def _all_to_all(
        self, out: Sequence[Tensor], counts: Sequence[Sequence[int]]
    ) -> list[tuple[Tensor, ...]]:
        """Sends `out[n]` to process n; receives from it pieces of `counts[n]` numbers."""
        sizes = [sum(some) for some in counts]
        sent = torch.cat(list(out))
        received = sent.new_empty(sum(sizes))
        lengths = [len(one) for one in out]
        dist.all_to_all_single(received, sent, sizes, lengths, group=self.group)
        parts = zip(received.split(sizes), counts, strict=True)
        return [part.split(list(some)) for part, some in parts]


def _rows(matrix: Tensor, held: tuple[int, int], start: int) -> Tensor:
    return matrix[held[0] - start : held[1] - start]
