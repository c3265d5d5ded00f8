"""What a scale is: one size of the study, and the specs of its base network and its pruning."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FIRST
from prunelib.study.family import Changes, Family
from prunelib.study.specs import DataSpec, PruneSpec, SaliencySpec, TrainSpec
from prunelib.training.protocols import PruneProtocol, TrainProtocol
from prunelib.training.source import Source


@dataclass(frozen=True)
class Scale:
    """One size of the study: data, base network, protocols, budgets (parameters) and seeds.

    `eval_every` holds for pruning runs of seeds above 0 and for controls; seed 0 measures every
    removal. Some controls have `control_seeds`, see `seeds_of`; `long_seeds` are those of the other
    ones, which train longest (None: all). `flop_penalties` (nats per million MACs) are worth about
    a third of, once and three times the median saliency for the median channel; one seed is pruned
    with each.
    `families` are those that its study consists of.
    `source` tells where images of one's own are.
    `saliency_steps` and `saliency_images` are those of `SaliencySpec`.
    """

    name: str
    data: DataSpec
    base: ChannelProfile
    train: TrainProtocol
    prune: PruneProtocol
    budgets: tuple[int, ...]
    seeds: int
    flop_penalties: tuple[float, float, float]
    families: tuple[str, ...] = FIRST
    eval_every: int = 1
    control_seeds: int = 2
    long_seeds: int | None = None
    saliency_steps: tuple[int, ...] = (10, 30, 100)
    saliency_images: int = 2_048
    source: Source | None = None

    @property
    def shape(self) -> InputShape:
        """Channels, classes and size of the images."""
        return self.data.shape

    def root(self, data: Path | None = None) -> Path | Source | None:
        """Where runs find the images: in `data` if that is named, else where the scale says."""
        if self.source is None or data is None:
            return data or self.source
        return replace(self.source, path=data)

    def base_spec(self, seed: int) -> TrainSpec:
        """Training of the base network."""
        return TrainSpec(self.base, self.data, self.train, seed)

    def prune_spec(self, seed: int, changes: Changes | None = None) -> PruneSpec:
        """Pruning of the base network of the same seed; `changes` are those of a family."""
        changes = changes or Changes()
        every = self.prune.eval_every if seed == 0 and changes == Changes() else self.eval_every
        said: dict[str, Any] = {
            "criterion": changes.criterion,
            "ranked": changes.ranked,
            "steps": changes.steps,
            "lr": changes.lr,
            "eval_every": every if changes.eval_every is None else changes.eval_every,
        }
        if changes.penalty_index is not None:
            said["flop_penalty"] = self.flop_penalties[changes.penalty_index]
        said = {name: value for name, value in said.items() if value is not None}
        protocol = replace(self.prune, **said)
        return PruneSpec(self.base_spec(seed), protocol, seed, changes.start)

    def seeds_of(self, family: Family) -> int:
        """How many seeds a family is run with."""
        every = (self.long_seeds if family.control else None) or self.seeds
        return {"all": every, "controls": self.control_seeds, "one": 1}[family.seeds]

    def saliency_spec(self, seed: int) -> SaliencySpec:
        """Check of the saliencies of the base network of the same seed."""
        return SaliencySpec(
            self.base_spec(seed), self.prune, self.saliency_steps, self.saliency_images, seed
        )
