"""A training step as one CUDA graph: recorded once, replayed without Python in between.

A narrow network has many small kernels, and a GPU would wait for each to be launched. Recording is
for one batch size and one learning rate; other batches, such as the last of an epoch, run as
always. Before a recording is relied on, it is compared with the step itself, and given up if they
differ.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3
"""Steps run as always before recording: libraries choose their kernels in them."""
TOLERANCE = 0.05
"""How far recorded and plain step may differ, as a share of what the step changes: the order in
which a GPU adds up is not fixed."""

Step = Callable[[Tensor, Tensor], Tensor]
"""One update on a batch, images and labels, to its loss on the device."""
Recorder = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
"""Records a function; returns what repeats it, and the tensor that holds its result then."""


class Replayed:
    """A step that is recorded when a batch size and a learning rate have settled.

    Args:
        step: the update as always.
        model: whose weights and buffers it changes.
        optimizer: likewise, with its momentum.
        others: further tensors that it changes.
        record: how to record.
    """

    def __init__(
        self,
        step: Step,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        others: Sequence[Tensor],
        record: Recorder,
    ) -> None:
        self.step, self.model, self.optimizer = step, model, optimizer
        self.others, self.record = others, record
        self.settled, self.steps = None, 0
        self.replay = None
        self.trusted = True

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """One update; from the recording, if there is one for such a batch."""
        now = x.shape, self.optimizer.param_groups[0]["lr"]
        if now != self.settled and (self.settled is None or len(x) >= self.settled[0][0]):
            self.settled, self.steps, self.replay = now, 0, None
        if now != self.settled or not self.trusted:
            return self.step(x, y)
        if self.replay is None:
            self.steps += 1
            if self.steps <= WARM_UP:
                return self.step(x, y)
            return self._record(x, y)
        self.x.copy_(x)
        self.y.copy_(y)
        self.replay()
        return self.loss

    def _record(self, x: Tensor, y: Tensor) -> Tensor:
        """Record, compare with the step as always, and return the loss of one update."""
        before = self._state()
        self.x, self.y = x.clone(), y.clone()
        replayed = None
        try:
            self.replay, self.loss = self.record(lambda: self.step(self.x, self.y))
            self._restore(before)
            self.replay()
            replayed = [*self._state(), self.loss.clone()]
            reason = "it does not do what a step does"
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
        self._restore(before)
        loss = self.step(x, y)
        if replayed is None or not alike(before, self._state(), replayed[:-1], loss, replayed[-1]):
            self.trusted, self.replay = False, None
            warnings.warn(f"training goes on without a CUDA graph: {reason}", stacklevel=3)
        return loss

    def _tensors(self) -> list[Tensor]:
        """All that a step changes."""
        momentum = [
            value
            for state in self.optimizer.state.values()
            for value in state.values()
            if isinstance(value, Tensor)
        ]
        return [*self.model.parameters(), *self.model.buffers(), *momentum, *self.others]

    def _state(self) -> list[Tensor]:
        return [tensor.detach().clone() for tensor in self._tensors()]

    @torch.no_grad()
    def _restore(self, state: list[Tensor]) -> None:
        for tensor, saved in zip(self._tensors(), state, strict=True):
            tensor.copy_(saved)


def alike(
    before: list[Tensor], after: list[Tensor], replayed: list[Tensor], loss: Tensor, other: Tensor
) -> bool:
    """Whether two updates from one state changed it alike, and saw one loss."""
    apart = distance(after, replayed) <= TOLERANCE * distance(after, before)
    return bool(apart) and torch.allclose(loss.float(), other.float(), rtol=TOLERANCE)


def distance(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Euclidean distance of two lists of tensors."""
    return sum(
        (a.double() - b.double()).square().sum() for a, b in zip(one, other, strict=True)
    ).sqrt()


def record_cuda(function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Record as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = function()
    return graph.replay, result
