"""A training step as one CUDA graph: recorded once, replayed without Python in between.

A narrow network has many small kernels, and a GPU would wait for each to be launched. Recording is
for one batch size and one learning rate; other batches, such as the last of an epoch, run as
always. Before a recording is relied on, it is compared with the step itself, and left if they
differ.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

WARM_UP = 3
"""Steps run as always before recording: libraries choose their kernels in them."""
WORTHWHILE = 30
"""Steps of one kind below which recording and checking would cost more than they save."""
TOLERANCE = 0.05
"""How far recorded and plain step may differ, as a share of what the step changes: the order in
which a GPU adds up is not fixed."""

Step = Callable[[Tensor, Tensor], Tensor]
"""One update on a batch, images and labels, to its loss on the device."""
Record = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
"""Records a function; returns what repeats it, and the tensor that holds its result then."""
State = dict[str, list[Tensor]]
"""All that a step changes, by kind."""


@dataclass
class Recorder:
    """Records steps as long as its recordings are right: one that is not is its last.

    Steps of one run share a recorder.
    """

    record: Record
    trusted: bool = True

    @classmethod
    def on(cls, device: str) -> "Recorder":
        """A recorder of CUDA graphs on this device."""
        return cls(partial(record_cuda, device=device))


class Replayed:
    """A step that is recorded when a batch size and a learning rate have settled.

    Args:
        step: the update as always.
        model: whose weights and buffers it changes.
        optimizer: likewise, with its momentum.
        others: further tensors that it changes.
        recorder: how to record.
    """

    def __init__(
        self,
        step: Step,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        others: Sequence[Tensor],
        recorder: Recorder,
    ) -> None:
        self.step, self.model, self.optimizer = step, model, optimizer
        self.others, self.recorder = others, recorder
        self.settled: tuple[torch.Size, float] | None = None
        self.steps = 0
        self.replay: Callable[[], None] | None = None
        self.x = self.y = self.loss = torch.empty(0)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """One update; from the recording, if there is one for such a batch."""
        now = x.shape, self.optimizer.param_groups[0]["lr"]
        if now != self.settled and (self.settled is None or len(x) >= self.settled[0][0]):
            self.settled, self.steps, self.replay = now, 0, None
        if now != self.settled or not self.recorder.trusted:
            return self.step(x, y)
        if self.replay is not None:
            self.x.copy_(x)
            self.y.copy_(y)
            self.replay()
            return self.loss
        self.steps += 1
        if self.steps > WARM_UP:
            return self._record(x, y)
        self.x, self.y = x.clone(), y.clone()
        return self.step(x, y)

    def _record(self, x: Tensor, y: Tensor) -> Tensor:
        """Record on the batch before, compare on this one, and return its loss after one update."""
        before = self._copy()
        replayed = None
        try:
            self.replay, self.loss = self.recorder.record(lambda: self.step(self.x, self.y))
            self._restore(before)
            self.x.copy_(x)
            self.y.copy_(y)
            self.replay()
            replayed = self._copy() | {"loss": [self.loss.clone()]}
            reason = "it does not do what a step does"
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
        self._restore(before)
        loss = self.step(x, y)
        after = self._copy() | {"loss": [loss]}
        if replayed is None or not _alike(
            before | {"loss": [torch.zeros_like(loss)]}, after, replayed
        ):
            self.recorder.trusted, self.replay = False, None
            warnings.warn(f"training goes on without CUDA graphs: {reason}", stacklevel=3)
        return loss

    def _state(self) -> State:
        momentum = [
            value
            for state in self.optimizer.state.values()
            for value in state.values()
            if isinstance(value, Tensor)
        ]
        buffers = list(self.model.buffers())
        return {
            "parameters": list(self.model.parameters()),
            "momentum": momentum,
            "statistics": [b for b in buffers if b.is_floating_point()],
            "counts": [b for b in buffers if not b.is_floating_point()],
            "others": list(self.others),
        }

    def _copy(self) -> State:
        return {k: [t.detach().clone() for t in kind] for k, kind in self._state().items()}

    @torch.no_grad()
    def _restore(self, state: State) -> None:
        for kind, tensors in self._state().items():
            for tensor, saved in zip(tensors, state[kind], strict=True):
                tensor.copy_(saved)


def _alike(before: State, after: State, replayed: State) -> bool:
    """Whether two updates from one state changed everything alike, each kind for itself."""
    return all(
        bool(
            distance(after[kind], replayed[kind])
            <= (0 if kind == "counts" else TOLERANCE) * distance(after[kind], before[kind])
        )
        for kind in after
        if after[kind]
    )


def distance(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Euclidean distance of two lists of tensors."""
    squares = [(a.double() - b.double()).square().sum() for a, b in zip(one, other, strict=True)]
    return torch.stack(squares).sum().sqrt()


def record_cuda(function: Callable[[], Tensor], device: str) -> tuple[Callable[[], None], Tensor]:
    """Record as a CUDA graph."""
    # The stream is set again at the end, even if recording fails.
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = function()
    return graph.replay, result
