"""Requests, the entries of a plan: what each runs, and what it waits for."""

from dataclasses import dataclass, replace
from functools import cache

from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.study.cost import cost_estimate, expected_removals
from prunelib.study.families import BASE, FAMILIES, SALIENCY
from prunelib.study.lookup import Find
from prunelib.study.profile_rules import RuleInputs
from prunelib.study.scale import Scale
from prunelib.study.scales import SCALES
from prunelib.study.specs import PruneSpec, Spec, Start, Teacher, TrainSpec
from prunelib.study.store import Record
from prunelib.study.trajectory import Trajectory


@dataclass(frozen=True)
class Request:
    """One entry of a plan: a family at a budget (None: the whole run) with a seed."""

    scale: Scale
    family: str
    budget: int | None
    seed: int

    @property
    def base(self) -> "Request":
        """The base network that its trajectory began with."""
        name = FAMILIES[self.family].trajectory_scale
        return Request(SCALES[name] if name else self.scale, BASE, None, self.seed)

    @property
    def pruning(self) -> "Request":
        """The pruning run that gives its trajectory."""
        return replace(self.base, family=FAMILIES[self.family].trajectory_of)

    @property
    def pruning_spec(self) -> PruneSpec:
        """The same as a spec."""
        pruning = self.pruning
        return pruning.scale.prune_spec(pruning.seed, FAMILIES[pruning.family].pruning)

    @property
    def needs(self) -> tuple["Request", ...]:
        """The requests whose records must be there before its own run can begin.

        Pruning and saliencies start from the base network's weights. Other families need the
        profiles of a pruning run, or the numbers of images that it and its base network saw.
        """
        family = FAMILIES[self.family]
        untrained = family.pruning is not None and family.pruning.start == "initial"
        if self.family == BASE or untrained:
            return ()
        if family.images != "base":
            return self.base, self.pruning
        if family.rule is None:
            return (self.base,)
        needed = (self.pruning,) if family.needs_trajectory else ()
        return (self.base, *needed) if family.distilled else needed

    def chain(self, find: Find) -> tuple["Request", ...]:
        """The requests that this one rests on, each after those that it needs; itself last.

        A run for all budgets that is on record needs nothing any more.
        """
        if FAMILIES[self.family].rule is None and self.record(find) is not None:
            return (self,)
        links = [link for request in self.needs for link in request.chain(find)]
        return (*dict.fromkeys(links), self)

    def spec(self, find: Find) -> Spec:
        """What must run next for this request: its own run, or a missing one that it waits for."""
        for request in self.chain(find)[:-1]:
            own = request.own_spec(find)
            if own is not None and find(own) is None:
                return own
        own = self.own_spec(find)
        assert own is not None
        return own

    def own_spec(self, find: Find) -> Spec | None:
        """Its own run; None while records are missing that tell what it is."""
        scale, family = self.scale, FAMILIES[self.family]
        if self.family == BASE:
            return scale.base_spec(self.seed)
        if self.family == SALIENCY:
            return scale.saliency_spec(self.seed)
        if family.pruning is not None:
            return scale.prune_spec(self.seed, family.pruning)
        if family.needs_trajectory or family.images != "base":
            return self._resting_spec(find)
        assert self.budget is not None
        profile = profile_for(scale, self.family, self.budget, self.seed, None)
        return TrainSpec(profile, scale.data, scale.train, self.seed, teacher=self.teacher)

    @property
    def teacher(self) -> Teacher | None:
        """The network that its own run learns from, if it learns from one."""
        base = self.scale.base_spec(self.seed)
        return Teacher(base) if FAMILIES[self.family].distilled else None

    def _resting_spec(self, find: Find) -> TrainSpec | None:
        """Its own run, where that rests on a pruning run, or on what it and its base cost."""
        scale, family = self.scale, FAMILIES[self.family]
        protocol = replace(scale.train, **family.training or {})
        budget, start = self.budget or min(scale.budgets), None
        pruning = find(self.pruning_spec)
        if pruning is None:
            return None
        trajectory = Trajectory.of(pruning)
        removals = trajectory.reach(budget)
        profile = scale.base
        if family.rule is not None:
            profile = profile_for(scale, self.family, budget, self.seed, trajectory)
        if family.images != "base":
            base = find(self.base.scale.base_spec(self.seed))
            if base is None:
                return None
            again = protocol.epochs if family.images == "retrained" else 0
            protocol = protocol.lasting(epochs_spent(base, pruning, removals) + again)
        if family.start != "new":
            start = Start(self.pruning_spec, removals, family.start)
        return TrainSpec(profile, scale.data, protocol, self.seed, start, self.teacher)

    def record(self, find: Find) -> Record | None:
        """The record of its own run, or None while it is missing."""
        own = self.own_spec(find)
        return None if own is None else find(own)

    def cost_estimate(self) -> float:
        """What its own run will cost, as far as that is known before; see `cost.cost_estimate`."""
        scale, family = self.scale, FAMILIES[self.family]
        if family.pruning is not None:
            return cost_estimate(scale.prune_spec(self.seed, family.pruning))
        if self.family == SALIENCY:
            return cost_estimate(scale.saliency_spec(self.seed))
        training = scale.base_spec(self.seed)
        if family.images == "base":
            protocol = replace(scale.train, **family.training or {})
            return cost_estimate(replace(training, protocol=protocol, teacher=self.teacher))
        budget = self.budget or min(scale.budgets)
        removals = expected_removals(scale.prune_spec(self.seed), budget)
        tuned = removals * scale.prune.steps * scale.prune.batch_size
        epochs = scale.train.epochs * (2 if family.images == "retrained" else 1)
        epochs += round(tuned / scale.data.training_count)
        return cost_estimate(replace(training, protocol=scale.train.lasting(epochs)))


def epochs_spent(base: Record, pruning: Record, removals: int) -> int:
    """Epochs that hold as many images as base and pruning saw before so many removals."""
    assert isinstance(base.spec, TrainSpec)
    images = base.outcome["images_seen"] // base.spec.protocol.epochs
    tuned = sum(pruning.outcome["points"]["images"][: removals + 1])
    return round((base.outcome["images_seen"] + tuned) / images)


@cache
def profile_for(
    scale: Scale, family: str, budget: int, seed: int, trajectory: Trajectory | None
) -> ChannelProfile:
    """What a family's rule gives; fitting takes milliseconds, and plans ask often.

    Raises:
        PrunelibError: the family has no network within the budget.
    """
    rule = FAMILIES[family].rule
    assert rule is not None
    try:
        return rule(RuleInputs(scale.base, budget, seed, scale.shape, trajectory))
    except PrunelibError as error:
        raise PrunelibError(f"{family}: {error}") from None
