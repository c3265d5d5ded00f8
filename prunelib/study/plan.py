"""Scales, and plans: what a study consists of, and what each of its runs waits for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.study.effort import effort, expected_removals
from prunelib.study.families import (
    FAMILIES,
    MAIN,
    PENALISED,
    Family,
    RuleInputs,
    random_profile,
)
from prunelib.study.specs import DataSpec, PruneSpec, SaliencySpec, Spec, Start, TrainSpec, key
from prunelib.study.store import Record, Store
from prunelib.study.trajectory import Trajectory
from prunelib.training.protocols import Protocol, PruneProtocol
from prunelib.training.source import Source

FIRST = (
    *MAIN,
    "random-removal",
    "l1-removal",
    "retrained",
    "initial-weights",
    "pruned-from-scratch-long",
    "bottleneck-long",
    "pruned-from-scratch-longest",
    "bottleneck-longest",
    *PENALISED,
)
"""The families of the first study."""
LONG = (
    "base",
    "pruned-and-tuned",
    "reduced-width",
    "bottleneck",
    "pruned-from-scratch",
    "copycat",
    "searched-short",
    "pruned-from-scratch-long",
    "bottleneck-long",
    "base-long",
    "retrained",
    "pruned-from-scratch-longest",
    "bottleneck-longest",
    "sliced-weights",
    "taper",
    "taper-macs",
    "untrained-shape",
)
"""The families of the scales that train longer."""


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
    train: Protocol
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

    def prune_spec(self, seed: int, changes: dict | None = None) -> PruneSpec:
        """Pruning of the base network of the same seed; `changes` are those of a family."""
        changes = dict(changes or {})
        start = changes.pop("start", None)
        every = self.prune.eval_every if seed == 0 and not changes else self.eval_every
        if "flop_penalty" in changes:
            changes["flop_penalty"] = self.flop_penalties[changes["flop_penalty"] - 1]
        protocol = replace(self.prune, **{"eval_every": every} | changes)
        return PruneSpec(self.base_spec(seed), protocol, seed, start)

    def seeds_of(self, family: Family) -> int:
        """How many seeds a family is run with."""
        every = (self.long_seeds if family.control else None) or self.seeds
        return {"all": every, "controls": self.control_seeds, "one": 1}[family.seeds]

    def saliency_spec(self, seed: int) -> SaliencySpec:
        """Check of the saliencies of the base network of the same seed."""
        return SaliencySpec(
            self.base_spec(seed), self.prune, self.saliency_steps, self.saliency_images, seed
        )


SCALES = {
    scale.name: scale
    for scale in (
        # Digits are so easy that only tiny networks differ: half the usual width, a few seconds.
        Scale(
            name="smoke",
            data=DataSpec("digits", 8),
            base=ChannelProfile.full(16, 0.5),
            train=Protocol(epochs=10, milestones=(3, 6, 9), pad=1, flip=False),
            prune=PruneProtocol(pad=1, flip=False, steps=3, stop_params=4_492),
            budgets=(6_000, 12_000, 24_000),
            seeds=3,
            flop_penalties=(0.6, 2.0, 6.0),
            eval_every=4,
            control_seeds=1,
            long_seeds=1,
        ),
        # The paper's milestones at 0.3, 0.6 and 0.9 of training, its padding of an eighth of the
        # image, and its ratio of pruning to training: 1300 removals of 100 steps are 1.66 times
        # 200 epochs, and so are 650 of 10 steps and 10 epochs.
        Scale(
            name="mini",
            data=DataSpec("cifar10", 16),
            base=ChannelProfile.full(40, 1),
            train=Protocol(epochs=10, milestones=(3, 6, 9), pad=2),
            prune=PruneProtocol(pad=2, steps=10, stop_params=56_393),
            budgets=(80_000, 200_000, 320_000, 440_000),
            seeds=3,
            eval_every=10,
            flop_penalties=(0.01, 0.03, 0.1),
        ),
        # As mini, three times as long: does the answer change?
        Scale(
            name="midi",
            data=DataSpec("cifar10", 16),
            base=ChannelProfile.full(40, 1),
            train=Protocol(epochs=30, milestones=(9, 18, 27), pad=2),
            prune=PruneProtocol(pad=2, steps=30, stop_params=56_393, eval_every=10),
            budgets=(80_000, 200_000, 320_000),
            seeds=3,
            eval_every=10,
            control_seeds=1,
            flop_penalties=(0.01, 0.03, 0.1),
            families=LONG,
        ),
        # And ten times as long, when little is left to learn.
        Scale(
            name="maxi",
            data=DataSpec("cifar10", 16),
            base=ChannelProfile.full(40, 1),
            train=Protocol(epochs=100, milestones=(30, 60, 90), pad=2),
            prune=PruneProtocol(pad=2, steps=100, stop_params=56_393, eval_every=10),
            budgets=(80_000, 320_000),
            seeds=3,
            eval_every=10,
            control_seeds=1,
            flop_penalties=(0.01, 0.03, 0.1),
            families=LONG,
        ),
        # The paper's section 3, word by word; its budgets run from 200K to 2M.
        Scale(
            name="paper",
            data=DataSpec("cifar10", 32),
            base=ChannelProfile.full(40, 2),
            train=Protocol(),
            prune=PruneProtocol(removals=1300),
            budgets=(200_000, 500_000, 800_000, 1_100_000, 1_400_000, 1_700_000),
            seeds=3,
            flop_penalties=(0.001, 0.003, 0.01),
        ),
    )
}


Find = Callable[[Spec], Record | None]
"""The record of a spec, or None if there is none."""


@dataclass(frozen=True)
class Request:
    """One entry of a plan: a family at a budget (None: the whole run) with a seed."""

    scale: Scale
    family: str
    budget: int | None
    seed: int

    def spec(self, find: Find) -> Spec:
        """What must run next for this request: its own run, or a missing one that it waits for."""
        scale, family = self.scale, FAMILIES[self.family]
        base, prune = self.walk_scale.base_spec(self.seed), self.walk_spec
        if self.family == "base":
            return base
        if self.family == "base-long":
            return self.base_longer(base, prune, find)
        if family.rule is None:
            own = scale.saliency_spec(self.seed)
            if family.pruning is not None:
                own = scale.prune_spec(self.seed, family.pruning)
            return base if waits(own, find) else own
        if not family.needs_trajectory:
            seed = self.seed if family.rule is random_profile else 0
            profile = profile_for(scale, self.family, self.budget, seed, None)
            return TrainSpec(profile, scale.data, scale.train, self.seed)
        record, base_record = find(prune), find(base)
        longer = family.images != "base"
        if waits(prune, find) or (longer and base_record is None):
            return base
        if record is None:
            return prune
        trajectory = Trajectory.of(record)
        removals = trajectory.at(self.budget)
        profile = profile_for(scale, self.family, self.budget, self.seed, trajectory)
        protocol, start = scale.train, None
        if longer:
            again = protocol.epochs if family.images == "retrained" else 0
            protocol = protocol.lasting(epochs_spent(base_record, record, removals) + again)
        if family.start != "new":
            start = Start(prune, removals, family.start)
        return TrainSpec(profile, scale.data, protocol, self.seed, start)

    @property
    def walk_scale(self) -> Scale:
        """The scale whose pruning run gives this request its trajectory."""
        name = FAMILIES[self.family].walk_scale
        return SCALES[name] if name else self.scale

    @property
    def walk_spec(self) -> PruneSpec:
        """The pruning run that gives this request its trajectory."""
        walk = FAMILIES[FAMILIES[self.family].walk]
        return self.walk_scale.prune_spec(self.seed, walk.pruning)

    def base_longer(self, base: TrainSpec, prune: PruneSpec, find: Find) -> Spec:
        """The base network, trained for as many images as it and its pruning to the end."""
        base_record, record = find(base), find(prune)
        if base_record is None:
            return base
        if record is None:
            return prune
        removals = Trajectory.of(record).at(min(self.scale.budgets))
        epochs = epochs_spent(base_record, record, removals)
        return replace(base, protocol=base.protocol.lasting(epochs))

    def chain(self, find: Find) -> tuple["Request", ...]:
        """The requests that this one waits for while it is missing, and itself at the end."""
        family = FAMILIES[self.family]
        base = replace(self, scale=self.walk_scale, family="base", budget=None)
        pruning = replace(base, family=family.walk)
        if self.family == "base" or not (
            family.rule is None or family.needs_trajectory or family.images != "base"
        ):
            return (self,)
        if family.rule is None and family.images == "base":
            return (base, self) if needs_base(self.spec(find)) else (self,)
        if family.images == "base" and (
            find(self.walk_spec) is not None or not needs_base(self.walk_spec)
        ):
            return pruning, self
        return base, pruning, self

    def effort(self) -> float:
        """What its own run will cost, as far as that is known beforehand; see `effort.effort`."""
        scale, family = self.scale, FAMILIES[self.family]
        training = scale.base_spec(self.seed)
        if family.pruning is not None:
            return effort(scale.prune_spec(self.seed, family.pruning))
        if self.family == "saliency":
            return effort(scale.saliency_spec(self.seed))
        if family.images == "base":
            return effort(training)
        budget = self.budget or min(scale.budgets)
        removals = expected_removals(scale.prune_spec(self.seed), budget)
        tuned = removals * scale.prune.steps * scale.prune.batch_size
        epochs = scale.train.epochs * (2 if family.images == "retrained" else 1)
        epochs += round(tuned / scale.data.training_count)
        return effort(replace(training, protocol=scale.train.lasting(epochs)))


def needs_base(spec: Spec) -> bool:
    """Whether a run begins with the weights of a trained base network."""
    return not isinstance(spec, PruneSpec) or spec.start is None


def waits(spec: PruneSpec | SaliencySpec, find: Find) -> bool:
    """Whether a run is missing and the base network that it begins with is, too."""
    return needs_base(spec) and find(spec) is None and find(spec.base) is None


def epochs_spent(base: Record, pruning: Record, removals: int) -> int:
    """Epochs that hold as many images as base and pruning saw before so many removals."""
    images = base.outcome["images_seen"] // base.spec.protocol.epochs
    tuned = sum(pruning.outcome["points"]["images"][: removals + 1])
    return round((base.outcome["images_seen"] + tuned) / images)


@cache
def profile_for(
    scale: Scale, family: str, budget: int, seed: int, trajectory: Trajectory | None
) -> ChannelProfile:
    """What a family's rule gives; fitting takes milliseconds, and plans ask often."""
    return FAMILIES[family].rule(RuleInputs(scale.base, budget, seed, scale.shape, trajectory))


def single(scale: Scale, family: str, budget: int | None, seed: int) -> Request:
    """A request by itself, outside a plan.

    Raises:
        PrunelibError: unknown family, or a budget is missing, not wanted or impossible.
    """
    check_families([family])
    if (FAMILIES[family].rule is None) != (budget is None):
        wants = "takes no" if FAMILIES[family].rule is None else "needs a"
        raise PrunelibError(f"family {family} {wants} budget")
    if budget is not None:
        check_budgets(scale, [family], [budget])
    return Request(scale, family, budget, seed)


def scale_named(name: str) -> Scale:
    """A scale of the project by its name, or the one in a TOML file.

    Raises:
        PrunelibError: there is none of this name, or something in the file does not fit.
    """
    if str(name).endswith(".toml"):
        from prunelib.study.scale_files import read_scale

        return read_scale(Path(name))
    if name not in SCALES:
        raise PrunelibError(f"unknown scale {name!r}; there are: {', '.join(SCALES)}")
    return SCALES[name]


def plan(
    scale: Scale,
    families: Sequence[str] | None = None,
    seeds: int | None = None,
    budgets: Sequence[int] | None = None,
) -> list[Request]:
    """What a study consists of, seed 0 of everything first, so that any prefix is of use.

    Raises:
        PrunelibError: unknown family, no seed, or a budget that some family cannot meet.
    """
    families = list(dict.fromkeys(families or scale.families))
    check_families(families)
    count = scale.seeds if seeds is None else seeds
    if count < 1:
        raise PrunelibError(f"a study needs at least one seed, not {count}")
    budgets = tuple(dict.fromkeys(budgets or scale.budgets))
    check_budgets(scale, families, budgets)
    requests = []
    for seed in range(count):
        for control in (False, True):
            chosen = [
                name
                for name in families
                if FAMILIES[name].control == control
                and (not control or seed < scale.seeds_of(FAMILIES[name]))
            ]
            for name in chosen:
                if FAMILIES[name].rule is None:
                    requests.append(Request(scale, name, None, seed))
            for budget in budgets:
                for name in chosen:
                    if FAMILIES[name].rule is not None:
                        requests.append(Request(scale, name, budget, seed))
    return requests


def check_families(families: Sequence[str]) -> None:
    """Raise PrunelibError for a family that there is not."""
    for name in families:
        if name not in FAMILIES:
            raise PrunelibError(f"unknown family {name!r}; there are: {', '.join(FAMILIES)}")


def check_budgets(scale: Scale, families: Sequence[str], budgets: Sequence[int]) -> None:
    """Refuse a budget that cannot be met before hours are spent on others."""
    shape, least = scale.shape, scale.prune.stop_params
    if scale.prune.removals is not None:
        least = shape.params(largest_left(scale.base, scale.prune.removals))
    for budget in budgets:
        for name in families:
            family = FAMILIES[name]
            prunes = family.pruning is not None or family.needs_trajectory
            if family.rule is not None and not prunes:
                profile_for(scale, name, budget, 0, None)
            if prunes and not least <= budget <= shape.params(scale.base):
                raise PrunelibError(
                    f"{name}: the trajectory of {scale.name} runs from "
                    f"{shape.params(scale.base):,} to {least:,} parameters; {budget:,} is outside"
                )


def largest_left(base: ChannelProfile, removals: int) -> ChannelProfile:
    """What so many removals leave at most: those channels go that have the fewest parameters."""
    profile = base
    for block in sorted(base.blocks, key=lambda block: block.c_in + block.c_out):
        number = min(block.middle - 1, removals)
        profile = profile.without(block.number, number)
        removals -= number
    return profile


def lookup(*stores: Store) -> Find:
    """A lookup that reads each record at most once, from the first store that has it.

    Some runs rest on those of another scale, whose records lie beside.
    """
    records: dict[str, Record] = {}
    places = [
        place
        for store in stores
        for place in (store, *(store.beside(name) for name in SCALES if name != store.folder.name))
    ]

    def find(spec: Spec) -> Record | None:
        name = key(spec)
        if name not in records:
            there = (place.named(name, spec) for place in places)
            record = next((record for record in there if record is not None), None)
            if record is None:
                return None
            records[name] = record
        return records[name]

    return find


def found(requests: Sequence[Request], find: Find) -> list[tuple[Request, Record | None]]:
    """Each request of a plan with its record, or None while it is missing.

    Raises:
        PrunelibError: a record is damaged or of another version.
    """
    return [(request, find(request.spec(find))) for request in requests]


def keep_orders(scale: Scale, store: Store, find: Find) -> None:
    """Keep the order of removals of all pruning runs on record: records may come from elsewhere.

    Raises:
        PrunelibError: a record is damaged, or the folder cannot be written.
    """
    for request in plan(scale):
        if FAMILIES[request.family].pruning is not None:
            record = find(request.spec(find))
            if record is not None:
                store.keep_order(record)
