"""Training by a protocol, and evaluation."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.files import Cadence
from prunelib.nets.wideresnet import WideResNet
from prunelib.training.arguments import check_arguments, check_network, placed
from prunelib.training.checkpoint import packed, restored, save, unpack
from prunelib.training.data import Dataset, Split, train_batches
from prunelib.training.machine import Machine
from prunelib.training.protocols import TrainProtocol
from prunelib.training.updates import Loss, of_labels, sgd, stepper

EVALUATION_BATCH = 500

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all and a short text."""


class NotFinite(PrunelibError):
    """A loss became infinite or not a number."""


class Epoch(NamedTuple):
    """One epoch: its mean training loss, and the test error (per cent) and test loss after it.

    `seconds` are those of training, without the `evaluation_seconds`.
    """

    train_loss: float
    test_error: float
    test_loss: float
    seconds: float
    evaluation_seconds: float


@dataclass
class TrainingState:
    """All that a training run needs to go on: it is what a checkpoint holds.

    `step` counts updates within the epoch that is not over yet, `losses` are theirs, and `seconds`
    those it took.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    history: list[Epoch]
    losses: Tensor
    step: int = 0
    seconds: float = 0.0


def train(
    model: nn.Module,
    data: Dataset,
    protocol: TrainProtocol,
    seed: int,
    machine: Machine | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    loss_of: Loss = of_labels,
) -> list[Epoch]:
    """Train a model in place by a protocol and evaluate it after every epoch.

    Args:
        model: any network that gives logits (N, classes), on any device; it is moved to the
            machine's.
        data: on any device.
        protocol: what to do.
        seed: of the order of images, crops and flips. Initial weights are the caller's.
        machine: by default the best there is.
        progress: called after every step on a CPU, after every epoch on a GPU.
        checkpoint: file that an interrupted run resumes from, as if it had never stopped. Its state
            is written there from time to time, with the previous state beside it; both stay until
            the caller has kept the result. A damaged file is set aside; one of another run is
            ignored.
        loss_of: the loss to minimise; tests still measure cross-entropy with the labels.

    Raises:
        PrunelibError: the data cannot be learnt from (see `Dataset.check`), the network does not
            take them, or a value of the protocol or the seed is impossible.
        NotFinite: the loss became infinite or not a number; says at which step.
        PrunelibError: the checkpoint cannot be written.
    """
    machine = machine or Machine.here()
    check_arguments(model, data, machine, protocol, TrainProtocol)
    data, checkpoint = data.to(machine.device), checkpoint and Path(checkpoint)
    with placed(model, data, protocol.batch_size, machine):
        return run_epochs(model, data, protocol, seed, machine, progress, checkpoint, loss_of)


def run_epochs(
    model: nn.Module,
    data: Dataset,
    protocol: TrainProtocol,
    seed: int,
    machine: Machine,
    progress: Progress | None,
    checkpoint: Path | None,
    loss_of: Loss,
) -> list[Epoch]:
    """The epochs of `train`, of arguments that were looked at, on the device."""
    steps = -(-len(data.train.y) // protocol.batch_size)
    run = told_apart(protocol, seed, steps)
    state = resumed(checkpoint, run, model, protocol, steps, machine)
    batches = training_batches(data, protocol, seed, len(state.history) * steps + state.step)
    update = stepper(model, state.optimizer, machine, steps, loss_of=loss_of)
    # Asking a GPU how far it is would stop it; a CPU has no such queue.
    every_step = progress if torch.device(machine.device).type == "cpu" else None
    cadence = Cadence()
    while len(state.history) < protocol.epochs:
        epoch = len(state.history)
        begin_epoch(state, protocol)
        while state.step < steps:
            started = time.perf_counter()
            state.losses[state.step] = update(*next(batches))
            state.step += 1
            state.seconds += time.perf_counter() - started
            if every_step:
                note = f"error {state.history[-1].test_error:.2f}%" if epoch else ""
                every_step(epoch * steps + state.step, protocol.epochs * steps, note)
            if checkpoint and cadence.due():
                cadence.save(partial(save_state, checkpoint, run, state))
        end_epoch(state, data, machine)
        if progress:
            note = f"error {state.history[-1].test_error:.2f}%"
            progress((epoch + 1) * steps, protocol.epochs * steps, note)
    return state.history


def training_batches(
    data: Dataset, protocol: TrainProtocol, seed: int, start: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a run, from a step on."""
    p = protocol
    return train_batches(data, p.batch_size, p.pad, p.flip, seed, start=start)


def begin_epoch(state: TrainingState, protocol: TrainProtocol) -> None:
    """Set the learning rate of the next epoch, and train mode."""
    for group in state.optimizer.param_groups:
        group["lr"] = protocol.lr_at(len(state.history))
    state.model.train()


def end_epoch(state: TrainingState, data: Dataset, machine: Machine) -> None:
    """Evaluate after the last step of an epoch, and note what the epoch brought."""
    first = len(state.history) * state.step
    started = time.perf_counter()
    check_finite(state.losses, first)  # waits for a GPU
    evaluated = time.perf_counter()
    error, loss = evaluate(state.model, data, machine=machine)
    check_finite(torch.tensor([loss]), first + state.step, "test")
    seconds = state.seconds + evaluated - started, time.perf_counter() - evaluated
    state.history.append(Epoch(state.losses.mean().item(), error, loss, *seconds))
    state.step, state.seconds = 0, 0.0


def told_apart(protocol: TrainProtocol, seed: int, steps: int) -> dict:
    """What a checkpoint must agree with."""
    return json.loads(json.dumps({"protocol": asdict(protocol), "seed": seed, "steps": steps}))


def resumed(
    checkpoint: Path | None,
    run: dict,
    model: nn.Module,
    protocol: TrainProtocol,
    steps: int,
    machine: Machine,
) -> TrainingState:
    """The state in a checkpoint of the same run, put into `model`, or that of a start."""
    optimizer = sgd(model, protocol.lr, protocol.momentum, protocol.weight_decay)

    def restore(tensors: dict[str, Tensor], text: str) -> TrainingState | None:
        saved = json.loads(text)
        if saved["run"] != run or saved["profile"] != architecture_of(model):
            return None
        history = [Epoch(*epoch) for epoch in saved["history"]]
        losses = torch.zeros(steps, device=machine.device).copy_(tensors["losses"])
        unpack(tensors, model, optimizer)
        return TrainingState(model, optimizer, history, losses, saved["step"], saved["seconds"])

    start = TrainingState(model, optimizer, [], torch.zeros(steps, device=machine.device))
    return restored(checkpoint, restore) or start


def architecture_of(model: nn.Module) -> str:
    """What a checkpoint must fit: the profile of a `WideResNet`, else the name of the class."""
    return model.profile.to_json() if isinstance(model, WideResNet) else type(model).__name__


def save_state(path: Path, run: dict, state: TrainingState) -> None:
    """Write a checkpoint, whole or not at all."""
    text = {
        "run": run,
        "profile": architecture_of(state.model),
        "history": state.history,
        "step": state.step,
        "seconds": state.seconds,
    }
    tensors = packed(state.model, state.optimizer) | {"losses": state.losses}
    save(path, tensors, json.dumps(text))


def check_finite(losses: Tensor, first_step: int, what: str = "training") -> None:
    """Raise NotFinite if a loss is not finite; `losses` are those of steps from `first_step` on."""
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        step = int(bad[0, 0])
        raise NotFinite(
            f"the {what} loss became {losses[step].item()} at step {first_step + step}; "
            "try a lower learning rate"
        )


def evaluate(
    model: nn.Module, data: Dataset, split: Split | None = None, machine: Machine | None = None
) -> tuple[float, float]:
    """Test error in per cent, and mean cross-entropy, in eval mode.

    Args:
        model: its mode is restored afterwards.
        data: gives the normalisation.
        split: images to evaluate; by default the test set.
        machine: by default the best there is.

    Raises:
        PrunelibError: there is no image, or the network is for other images or fewer classes.
    """
    check_network(model, data)
    if not len((split or data.test).y):
        raise PrunelibError("there is no image to evaluate a network on")
    wrong, loss = assess(model, data, split, machine)
    return 100 * int(wrong.sum()) / len(wrong), loss


@torch.no_grad()
def assess(
    model: nn.Module, data: Dataset, split: Split | None = None, machine: Machine | None = None
) -> tuple[Tensor, float]:
    """Which images are classified wrongly (bool, N, on the CPU), and the mean cross-entropy.

    Takes what `evaluate` takes.
    """
    machine = machine or Machine.here()
    split = split or data.test
    training = model.training
    model.eval()
    wrong = torch.zeros(len(split.y), device=machine.device, dtype=torch.bool)
    loss = torch.zeros((), device=machine.device, dtype=torch.float64)
    for i in range(0, len(split.y), EVALUATION_BATCH):
        x = data.normalise(split.x[i : i + EVALUATION_BATCH])
        y = split.y[i : i + EVALUATION_BATCH]
        with machine.autocast():
            logits = model(x).float()
        wrong[i : i + EVALUATION_BATCH] = logits.argmax(1) != y
        loss += F.cross_entropy(logits, y, reduction="sum")
    model.train(training)
    return wrong.cpu(), loss.item() / len(split.y)
