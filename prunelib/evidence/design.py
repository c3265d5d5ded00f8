"""Design a network: a budget in, channel profiles out, with the error that was measured nearby."""

import math
from dataclasses import dataclass

from prunelib.errors import Missing, PrunelibError
from prunelib.evidence.curves import Reading, measured_curve, reading
from prunelib.evidence.statistics import mean, on_line
from prunelib.evidence.view import View
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile, Count, round_half_up
from prunelib.study.profile_rules import copied_after
from prunelib.study.trajectory import Trajectory

FAMILIES = ("pruned-from-scratch", "copycat", "bottleneck", "reduced-width")
"""The families that can be designed without pruning anything anew."""
MARGIN = 0.01
"""A network is taken to be as good as a measured one if its size differs by no more than this."""


@dataclass(frozen=True)
class Design:
    """A network within a budget, and the test error (per cent) to expect of it.

    `longer` is the error after `times` as long a training, where that was measured.
    """

    family: str
    profile: ChannelProfile
    params: int
    macs: int
    expected: Reading
    longer: Reading
    times: float | None

    @property
    def least(self) -> float:
        """The least error that it was measured or read off to reach; infinite if there is none."""
        errors = (self.expected.error, self.longer.error)
        return min((error for error in errors if error is not None), default=math.inf)

    @property
    def python(self) -> str:
        """One line of Python that makes the profile."""
        p = self.profile
        width = int(p.width) if p.width.is_integer() else p.width
        return f"ChannelProfile({p.depth}, {width}, {p.middle})"


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


def along(run: Trajectory, budget: int, count: Count, unit: str) -> ChannelProfile:
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


def measured(view: View, family: str, params: int) -> Reading:
    """The error of a family at a size, or at the end of the measured curve if that is very near."""
    curve, size = measured_curve(view, family), float(params)
    if curve.params:
        nearest_size = min(max(size, curve.params[0]), curve.params[-1])
        if abs(nearest_size - size) <= MARGIN * size:
            size = nearest_size
    return reading(curve, size)


def how_much_longer(view: View, family: str, params: int) -> float:
    """Images that the longer runs of a family saw over those of the others, at a size.

    The smaller a network, the more pruning it replaces: interpolated between budgets.
    """
    rows = view.networks
    long = rows[rows["family"] == f"{family}-long"].groupby("params")["images_seen"]
    sizes, images = zip(*((size, mean(seen)) for size, seen in long), strict=True)
    usual = mean(rows[rows["family"] == family]["images_seen"])
    nearest = min(max(params, sizes[0]), sizes[-1])
    return float(on_line(nearest, sizes, images) / usual)


def designed(view: View, family: str, profile: ChannelProfile, base: ChannelProfile) -> Design:
    """A network of a family with what is known of its error."""
    shape = view.scale.shape
    params, macs = shape.params(profile), shape.macs(profile)
    if base != view.scale.base:
        unknown = Reading(None, "the base network is another than the measured one")
        return Design(family, profile, params, macs, unknown, unknown, None)
    expected, longer = (measured(view, name, params) for name in (family, f"{family}-long"))
    times = None if longer.error is None else how_much_longer(view, family, params)
    return Design(family, profile, params, macs, expected, longer, times)


def design(
    view: View,
    budget: int,
    base: ChannelProfile | None = None,
    what: str = "params",
    families: tuple[str, ...] = FAMILIES,
) -> list[Design]:
    """The largest network of each family within a budget, the one with the least error first.

    The least error is that after longer training where it was measured. The pruned architecture
    is there for the scale's own base only, and between the sizes that pruning passed.

    Args:
        view: gives the shape of copycats and the measured errors.
        budget: parameters, or MACs for one image.
        base: the widest network that is wanted; by default that of the scale. Errors are known
            for the scale's own base only.
        what: `params` or `macs`.
        families: some of `FAMILIES`.

    Raises:
        Missing: no family has such a network.
        PrunelibError: the budget cannot be met; the message says which can.
    """
    shape: InputShape = view.scale.shape
    base = base or view.scale.base
    count = shape.params if what == "params" else shape.macs
    unit = "parameters" if what == "params" else "MACs"
    found, missing = [], None
    for family in families:
        try:
            profile = largest_of(family, view, base, budget, count, unit)
        except Missing as error:
            missing = error
            continue
        except PrunelibError as error:
            raise PrunelibError(f"{family}: {error}") from None
        found.append(designed(view, family, profile, base))
    if missing and not found:
        raise missing
    return sorted(found, key=lambda d: d.least)


def design_within(
    view: View,
    params: int | None = None,
    macs: int | None = None,
    base: ChannelProfile | None = None,
    families: tuple[str, ...] = FAMILIES,
) -> list[Design]:
    """The largest network of each family within one budget or both, ranked as by `design`.

    A budget that the base network keeps does not count beside another one.

    Raises:
        Missing: no family has such a network.
        PrunelibError: no budget was given, or it cannot be met.
    """
    full, shape = base or view.scale.base, view.scale.shape
    if params is None and macs is None:
        raise PrunelibError("a budget is needed: parameters, MACs, or both")
    if params is None or (macs is not None and params >= shape.params(full)):
        return design(view, macs, base, "macs", families)
    by_params = design(view, params, base, "params", families)
    if macs is None or macs >= shape.macs(full):
        return by_params
    fits = {d.family: d for d in by_params if d.macs <= macs}
    others = tuple(family for family in families if family not in fits)
    by_macs = design(view, macs, base, "macs", others) if others else []
    found = [*fits.values(), *(d for d in by_macs if d.params <= params)]
    if not found:
        raise Missing(f"no network has {params:,} parameters and {macs:,} MACs at most")
    return sorted(found, key=lambda d: d.least)


def largest_of(
    family: str, view: View, base: ChannelProfile, budget: int, count: Count, unit: str
) -> ChannelProfile:
    """The largest profile of a family within a budget.

    Raises:
        Missing: it takes a pruning run that is not there, or did not pass this size or base.
        PrunelibError: the budget cannot be met.
    """
    if family == "reduced-width":
        return base.fit_full(budget, count, unit)
    if family == "pruned-from-scratch":
        if base != view.scale.base:
            raise Missing("pruning runs are of the measured base network only")
        return along(view.trajectory(0), budget, count, unit)
    source = base.unpruned if family == "bottleneck" else copycat_source(view, base)
    return source.fit(budget, count, unit)
