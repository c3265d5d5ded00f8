"""Design a network: a budget in, channel profiles out, with the error that was measured nearby."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prunelib.errors import Missing, PrunelibError
from prunelib.evidence.curves import Reading, measured_curve, reading
from prunelib.evidence.lengths import epochs_of_images
from prunelib.evidence.statistics import mean, on_line
from prunelib.evidence.view import View
from prunelib.nets.blocks import round_half_up
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile, Count
from prunelib.study.families import AT_LENGTH, BOTTLENECK, COPYCAT, LENGTHS, REDUCED, SCRATCH
from prunelib.study.profile_rules import copied_after
from prunelib.study.specs import TrainSpec
from prunelib.study.trajectory import Trajectory

DESIGN_FAMILIES = (SCRATCH, COPYCAT, BOTTLENECK, REDUCED)
"""The families that can be designed without pruning anything anew."""
MARGIN = 0.01
"""A network is taken to be as good as a measured one if its size differs by no more than this."""


@dataclass(frozen=True)
class Design:
    """A network within a budget, how long it is trained, and the test error to expect then.

    Args:
        scale: whose measurements and protocol.
        family: one of `DESIGN_FAMILIES`, or `base`.
        length: one of `families.LENGTHS`.
        profile: the architecture.
        params: parameters.
        macs: multiply-accumulates for one image.
        epochs: of training.
        expected: test error in per cent, measured or read off between measured sizes.
        runs: trainings that give it, one for each seed.
    """

    scale: str
    family: str
    length: str
    profile: ChannelProfile
    params: int
    macs: int
    epochs: int
    expected: Reading
    runs: tuple[TrainSpec, ...]

    @property
    def error(self) -> float:
        """The test error to expect, in per cent; infinite where nothing was measured."""
        return math.inf if self.expected.error is None else self.expected.error

    @property
    def python(self) -> str:
        """One line of Python that makes the profile."""
        p = self.profile
        width = int(p.width) if p.width.is_integer() else p.width
        return f"ChannelProfile({p.depth}, {width}, {p.middle})"


def best_first(networks: Iterable[Design]) -> list[Design]:
    """The one with the least error first; of two that are equal, the one that computes less."""
    return sorted(networks, key=lambda network: (network.error, network.macs))


def copycat_source(view: View, base: ChannelProfile) -> ChannelProfile:
    """The shape that copycats scale, as measured at a scale, carried over to another width.

    Raises:
        Missing: there is no pruning run.
        PrunelibError: the depths differ, so that blocks do not correspond.
    """
    full = view.scale.base
    if base.depth != full.depth:
        raise PrunelibError(
            f"the copycats of {view.scale.name} have depth {full.depth}, not {base.depth}"
        )
    source = view.trajectory(0).after(copied_after(full))
    shares = zip(base.unpruned.middle, source.shares(), strict=True)
    return ChannelProfile(
        base.depth, base.width, tuple(round_half_up(c * share) for c, share in shares)
    )


def largest_passed(run: Trajectory, budget: int, count: Count, unit: str) -> ChannelProfile:
    """The largest profile of a pruning run within a budget.

    Raises:
        Missing: the budget is outside what the run passed.
    """
    sizes = [count(run.after(removals)) for removals in range(len(run.blocks))]
    if not sizes[-1] <= budget <= sizes[0]:
        raise Missing(
            f"pruning passed no network of {budget:,} {unit}, but {sizes[-1]:,} to {sizes[0]:,}"
        )
    return run.after(next(i for i, size in enumerate(sizes) if size <= budget))


def expected_error(view: View, family: str, params: int) -> Reading:
    """The error of a family at a size, or at the end of the measured curve if that is very near."""
    curve, size = measured_curve(view, family), float(params)
    if curve.params:
        nearest_size = min(max(size, curve.params[0]), curve.params[-1])
        if abs(nearest_size - size) <= MARGIN * size:
            size = nearest_size
    return reading(curve, size)


def epochs_of(view: View, family: str, params: int) -> int:
    """Epochs for which a family was trained, at a size.

    The smaller a network, the more pruning a longer training replaces: interpolated between
    budgets.
    """
    rows = view.networks[view.networks["family"] == family].groupby("params")["images_seen"]
    sizes, images = zip(*((size, mean(seen)) for size, seen in rows), strict=True)
    nearest = min(max(params, sizes[0]), sizes[-1])
    return round(epochs_of_images(view, on_line(nearest, sizes, images)))


def designs_of(
    view: View, family: str, profile: ChannelProfile, base: ChannelProfile
) -> list[Design]:
    """A network of a family, for each length of training for which its error is known.

    Where none is, one for the usual length.
    """
    shape, lengths = view.scale.shape, []
    params = shape.params(profile)
    for length in LENGTHS:
        name = AT_LENGTH.get((family, length))
        if base != view.scale.base:
            known = Reading(None, "the base network is another than the measured one")
        elif name is not None:
            known = expected_error(view, name, params)
        if name is not None and known.error is not None:
            lengths.append((length, epochs_of(view, name, params), known))
        elif not length:
            unknown = known
    size = params, shape.macs(profile)
    return [
        Design(
            view.scale.name,
            family,
            length,
            profile,
            *size,
            epochs,
            known,
            training_specs(view, profile, epochs),
        )
        for length, epochs, known in lengths or [("", view.scale.train.epochs, unknown)]
    ]


def training_specs(view: View, profile: ChannelProfile, epochs: int) -> tuple[TrainSpec, ...]:
    """Training of a network for so many epochs, with each seed of a scale."""
    scale, protocol = view.scale, view.scale.train
    if epochs != protocol.epochs:
        protocol = protocol.lasting(epochs)
    return tuple(TrainSpec(profile, scale.data, protocol, seed) for seed in range(scale.seeds))


def largest_designs(
    view: View,
    budget: int,
    base: ChannelProfile | None = None,
    what: str = "params",
    families: Sequence[str] = DESIGN_FAMILIES,
) -> list[Design]:
    """The largest network of each family within a budget, lowest error first.

    A network appears once for each length of training at which its error was measured. The pruned
    architecture appears only for the scale's own base, between the sizes that pruning passed.

    Args:
        view: gives the shape of copycats and the measured errors.
        budget: parameters, or MACs for one image.
        base: the unpruned network; by default that of the scale. Errors are known only for the
            scale's own base.
        what: `params` or `macs`.
        families: some of `DESIGN_FAMILIES`.

    Raises:
        Missing: no family has such a network, because a pruning run is missing.
        PrunelibError: no family can meet the budget; the message says which each can.
    """
    shape: InputShape = view.scale.shape
    base = base or view.scale.base
    count = shape.params if what == "params" else shape.macs
    unit = "parameters" if what == "params" else "MACs"
    made, missing, refused = [], None, []
    for family in families:
        try:
            profile = largest_of(family, view, base, budget, count, unit)
        except Missing as error:
            missing = error
        except PrunelibError as error:
            refused.append(f"{family}: {error}")
        else:
            made += designs_of(view, family, profile, base)
    if refused and not made:
        raise PrunelibError("; ".join(refused))
    if missing and not made:
        raise missing
    return best_first(made)


def design_within(
    view: View,
    params: int | None = None,
    macs: int | None = None,
    base: ChannelProfile | None = None,
    families: Sequence[str] = DESIGN_FAMILIES,
) -> list[Design]:
    """The largest network of each family within one budget or both, ranked as by `largest_designs`.

    A budget that the base network keeps does not count beside another one.

    Raises:
        Missing: no family has such a network.
        PrunelibError: no budget was given, or it cannot be met.
    """
    full, shape = base or view.scale.base, view.scale.shape
    if params is None and macs is None:
        raise PrunelibError("a budget is needed: parameters, MACs, or both")
    if macs is not None and (params is None or params >= shape.params(full)):
        return largest_designs(view, macs, base, "macs", families)
    assert params is not None
    by_params = largest_designs(view, params, base, "params", families)
    if macs is None or macs >= shape.macs(full):
        return by_params
    fits = [d for d in by_params if d.macs <= macs]
    others = tuple(family for family in families if family not in {d.family for d in fits})
    by_macs = largest_designs(view, macs, base, "macs", others) if others else []
    made = [*fits, *(d for d in by_macs if d.params <= params)]
    if not made:
        raise Missing(f"no network has {params:,} parameters and {macs:,} MACs at most")
    return best_first(made)


def largest_of(
    family: str, view: View, base: ChannelProfile, budget: int, count: Count, unit: str
) -> ChannelProfile:
    """The largest profile of a family within a budget.

    Raises:
        Missing: it takes a pruning run that is not there, or did not pass this size or base.
        PrunelibError: the budget cannot be met.
    """
    if family == REDUCED:
        return base.fit_full(budget, count, unit)
    if family == SCRATCH:
        if base != view.scale.base:
            raise Missing("pruning runs are of the measured base network only")
        return largest_passed(view.trajectory(0), budget, count, unit)
    source = base.unpruned if family == BOTTLENECK else copycat_source(view, base)
    return source.fit(budget, count, unit)
