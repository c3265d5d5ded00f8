"""A training step as one CUDA graph: recorded once, replayed without Python in between.

A narrow network has many small kernels, and a GPU would wait for each to be launched. Recording is
for one batch size and one learning rate; other batches, such as the last of an epoch, run as
always. Before a recording is relied on, it is compared with the step itself, and left if they
differ. Pruning changes the network, and so records again after each removal: those recordings share
their memory, need one step to warm up, and only the first of them are compared.
"""

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3
"""Steps run as always before the first recording: libraries choose their kernels in them."""
COMPARED = 3
"""Recordings of one run that are compared with the step itself before the others are relied on."""
WORTHWHILE = 30
"""Steps of one kind below which recording and checking would cost more than they save."""
TOLERANCE = 0.05
"""How far recorded and plain step may differ, as a share of what the step changes: the order in
which a GPU adds up is not fixed."""

Step = Callable[[Tensor, Tensor], Tensor]
"""One update on a batch, images and labels, to its loss on the device."""
RecordFunction = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
"""Records a function; returns what repeats it, and the tensor that holds its result then."""
State = dict[str, list[Tensor]]
"""All that a step changes, by kind."""


@dataclass
class Recorder:
    """Records steps as long as its recordings are right: one that is not is its last.

    Steps of one run share a recorder.
    """

    record: RecordFunction
    trusted: bool = True
    recordings: int = 0

    @classmethod
    def on(cls, device: str) -> "Recorder":
        """A recorder of CUDA graphs on this device."""
        return cls(CudaRecord(device))


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
        if self.steps > (1 if self.recorder.recordings else WARM_UP):
            return self._record(x, y)
        self.x, self.y = x.clone(), y.clone()
        return self.step(x, y)

    def _record(self, x: Tensor, y: Tensor) -> Tensor:
        """Record on the batch before, and return the loss of this one after one update."""
        compared = self.recorder.recordings < COMPARED
        before = self._copy() if compared else {}
        try:
            self.replay, self.loss = self.recorder.record(lambda: self.step(self.x, self.y))
        except RuntimeError as error:
            self._leave(str(error).splitlines()[0])
        self.recorder.recordings += 1
        if not compared:
            return self(x, y)
        self._restore(before)
        return self._compare(x, y, before)

    def _compare(self, x: Tensor, y: Tensor, before: State) -> Tensor:
        """Make an update, see whether the recording does the same, and return the loss."""
        replayed = None
        if self.replay is not None:
            self(x, y)
            replayed = self._copy() | {"loss": [self.loss.clone()]}
            self._restore(before)
        loss = self.step(x, y)
        after = self._copy() | {"loss": [loss]}
        zero = {"loss": [torch.zeros_like(loss)]}
        if replayed is not None and not _alike(before | zero, after, replayed):
            self._leave("it does not do what a step does")
        return loss

    def _leave(self, reason: str) -> None:
        """Rely on no recording any more."""
        self.recorder.trusted, self.replay = False, None
        warnings.warn(f"training continues without CUDA graphs: {reason}", stacklevel=5)

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


class CudaRecord:
    """Records as CUDA graphs, all in one pool of memory: only the latest is replayed."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.pool: Any = None  # an opaque handle
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Record a function; what it allocates is that of the recording before, which has had its
        day."""
        if self.pool is None:
            self.pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream(self.device)
        torch.cuda.synchronize(self.device)
        with torch.cuda.device(self.device), torch.cuda.stream(stream), no_garbage_collection():
            graph.capture_begin(pool=self.pool)
            try:
                result = function()
            finally:
                graph.capture_end()
        self.graph = graph
        return graph.replay, result


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A graph that is thrown away while another is recorded would end the recording."""
    able = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if able:
            gc.enable()
