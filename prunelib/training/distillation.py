"""Distillation (Hinton, Vinyals and Dean, 2015): a network learns what another makes of an image.

With logits s of the student and t of the teacher, labels y, a temperature T and a weight a, the
loss of a batch is the mean over its images of

    a T^2 KL(softmax(t / T) || softmax(s / T)) + (1 - a) cross_entropy(s, y).

The factor T^2 keeps the gradients of the first part as large at any temperature.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def distillation_loss(
    student: Tensor, teacher: Tensor, y: Tensor, temperature: float, weight: float
) -> Tensor:
    """The loss of a batch, of logits (N, classes) and labels (N,).

    >>> s, y = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    >>> loss = distillation_loss(s, s, y, 4.0, 0.9)
    >>> torch.allclose(loss, 0.1 * F.cross_entropy(s, y))
    True
    """
    soft = F.kl_div(
        F.log_softmax(student.float() / temperature, 1),
        F.log_softmax(teacher.float() / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return weight * temperature**2 * soft + (1 - weight) * F.cross_entropy(student, y)


@dataclass(frozen=True)
class Distilled:
    """The loss of training that learns from a teacher, too.

    Args:
        teacher: trained, on the machine's device; it stays in eval mode.
        temperature: of both softmaxes.
        weight: of what the teacher says; the labels have the rest.
    """

    teacher: nn.Module
    temperature: float
    weight: float

    def __post_init__(self) -> None:
        self.teacher.eval()

    def __call__(self, logits: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The mean loss of a batch of images, of which the student has made these logits."""
        with torch.no_grad():
            wanted = self.teacher(x)
        return distillation_loss(logits, wanted, y, self.temperature, self.weight)
