"""Design a network: a budget in, channel profiles out, with the error that was measured nearby."""

import math
from dataclasses import dataclass

import numpy as np

from prunelib.curves import Reading, measured_curve, reading
from prunelib.errors import Missing, PrunelibError
from prunelib.families import copied_after
from prunelib.notebook import Records
from prunelib.profile import ChannelProfile, nearest
from prunelib.shapes import Shape

FAMILIES = ("copycat", "bottleneck", "reduced-width")
"""The families that can be designed without pruning anything anew."""


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
    def python(self) -> str:
        """One line of Python that makes the profile."""
        p = self.profile
        width = int(p.width) if p.width.is_integer() else p.width
        return f"ChannelProfile({p.depth}, {width}, {p.middle})"


def copycat_source(records: Records, base: ChannelProfile) -> ChannelProfile:
    """The shape that copycats scale, as measured at a scale, carried over to another width.

    Raises:
        Missing: there is no pruning run.
        PrunelibError: the depths differ, so that blocks do not correspond.
    """
    full = records.scale.base
    if base.depth != full.depth:
        raise PrunelibError(
            f"the copycats of {records.scale.name} have depth {full.depth}, not {base.depth}"
        )
    source = records.trajectory(0).after(copied_after(full))
    shares = zip(base.unpruned.middle, source.shares(), strict=True)
    return ChannelProfile(base.depth, base.width, tuple(nearest(c * share) for c, share in shares))


def how_much_longer(records: Records, family: str, params: int) -> float:
    """Images that the longer runs of a family saw over those of the others, at a size.

    The smaller a network, the more pruning it replaces: interpolated between budgets.
    """
    rows = records.networks
    long = rows[rows["family"] == f"{family}-long"].groupby("params")["images_seen"].mean()
    usual = rows[rows["family"] == family]["images_seen"].mean()
    return float(np.interp(params, long.index, long) / usual)


def design(
    records: Records,
    budget: int,
    base: ChannelProfile | None = None,
    what: str = "params",
    families: tuple[str, ...] = FAMILIES,
) -> list[Design]:
    """The largest network of each family within a budget, the one with the least error first.

    Args:
        records: gives the shape of copycats and the measured errors.
        budget: parameters, or MACs for one image.
        base: the widest network that is wanted; by default that of the scale. Errors are known
            for the scale's own base only.
        what: `params` or `macs`.
        families: some of `FAMILIES`.

    Raises:
        PrunelibError: the budget cannot be met; the message says which can.
    """
    shape: Shape = records.scale.shape
    base = base or records.scale.base
    count = shape.params if what == "params" else shape.macs
    unit = "parameters" if what == "params" else "MACs"
    found = []
    for family in families:
        try:
            if family == "reduced-width":
                profile = base.fit_full(budget, count, unit)
            else:
                source = base.unpruned if family == "bottleneck" else copycat_source(records, base)
                profile = source.fit(budget, count, unit)
        except Missing:
            continue
        except PrunelibError as error:
            raise PrunelibError(f"{family}: {error}") from None
        params = shape.params(profile)
        expected = longer = Reading(None, "the base network is another than the measured one")
        if base == records.scale.base:
            expected = reading(measured_curve(records, family), params)
            longer = reading(measured_curve(records, f"{family}-long"), params)
        times = None if longer.error is None else how_much_longer(records, family, params)
        found.append(Design(family, profile, params, shape.macs(profile), expected, longer, times))
    return sorted(found, key=lambda d: math.inf if d.expected.error is None else d.expected.error)
