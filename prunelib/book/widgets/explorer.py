"""A widget to design a channel profile, and to compare it with what was measured.

The functions here compute what the widget computes in a browser for the same input.
"""

import math
from collections.abc import Mapping
from fractions import Fraction

import traitlets

from prunelib.book.widgets.base import Widget, among, bounded, by_name, common, first_pruned, module
from prunelib.book.widgets.measured import base_reading, epochs_curve, times_of, timing_note
from prunelib.errors import Missing, PrunelibError
from prunelib.evidence import design
from prunelib.evidence.curves import measured_curve
from prunelib.evidence.view import View, by_length
from prunelib.nets.blocks import round_half_up
from prunelib.nets.profile import ChannelProfile, largest
from prunelib.study.families import (
    AT_LENGTH,
    BOTTLENECK,
    COPYCAT,
    LENGTH_OF,
    LENGTHS,
    PRUNED,
    REDUCED,
    SCRATCH,
)
from prunelib.study.profile_rules import copied_after

BY_HAND = "custom"
EXPLORER_FAMILIES = (PRUNED, COPYCAT, BOTTLENECK, REDUCED, BY_HAND)
CURVES = (
    *(PRUNED, SCRATCH, COPYCAT, BOTTLENECK, REDUCED),
    *(AT_LENGTH[name, length] for name in (SCRATCH, BOTTLENECK) for length in LENGTHS[1:]),
)
WIDEST_FACTOR = 128.0
STATE = ("scale", "family", "removals", "factor", "block", "width", "profile")


def profile_shown(
    records: View, family: str, removals: int = 0, factor: float = 1.0
) -> ChannelProfile:
    """The profile of a family: after so many removals, or scaled by a factor.

    Reduced widths are the nearest multiple of 1/128.

    Raises:
        PrunelibError: the family is none of `EXPLORER_FAMILIES` but the last, or not measured.
    """
    base = records.scale.base
    if family == PRUNED:
        return records.trajectory(0).after(removals)
    if family == COPYCAT:
        return design.copycat_source(records, base).scaled(factor)
    if family == BOTTLENECK:
        return base.scaled(factor)
    if family == REDUCED:
        return base.reduced(round_half_up(128 * Fraction(base.width * min(1.0, factor))) / 128)
    raise PrunelibError(
        f"unknown family {family!r}; choose one of: {', '.join(EXPLORER_FAMILIES[:-1])}"
    )


def within_budget(records: View, family: str, budget: int, what: str = "params") -> dict:
    """What makes the largest network of a family within a budget: `removals` or `factor`.

    Args:
        records: of the scale.
        family: one of `EXPLORER_FAMILIES` but the last.
        budget: parameters, or MACs for one image.
        what: `params` or `macs`.

    Raises:
        PrunelibError: the budget cannot be met; the message says which can.
    """
    shape, base = records.scale.shape, records.scale.base
    count, unit = {"params": (shape.params, "parameters"), "macs": (shape.macs, "MACs")}[what]
    if family == PRUNED:
        run = records.trajectory(0)
        last = len(run.params) - 1
        profile = largest(lambda i: run.after(last - i), last + 1, budget, count, unit)
        return {"removals": base.prunable - profile.prunable}
    if family == REDUCED:
        return {"factor": base.fit_full(budget, count, unit).width / base.width}
    source = profile_shown(records, family)
    return {"factor": factor_of(source, source.fit(budget, count, unit))}


def factor_of(source: ChannelProfile, made: ChannelProfile) -> float:
    """A factor that scales one profile to the other, away from where rounding changes it."""
    low, high = 0.0, math.inf
    for a, b in zip(source.blocks, made.blocks, strict=True):
        if b.middle > 1:
            low = max(low, (2 * b.middle - 1) / (2 * a.middle))
        if b.middle < b.c_out:
            high = min(high, (2 * b.middle + 1) / (2 * a.middle))
    return (low + high) / 2 if high < math.inf else math.ceil(low)


def explorer_data(records: View, inference: dict | None = None) -> dict:
    """What the explorer must know of a scale, as JSON; `inference` is the benchmark, if there."""
    run, base = records.pruning(0), base_reading(records)
    return common(records, "pruned shapes and copycats cannot be shown") | {
        "order": None if run is None else run.outcome["points"]["block"][:-1],
        "source": copied_after(records.scale.base),
        "base": None
        if base.error is None
        else {"error": base.error, "runs": int((records.networks["family"] == "base").sum())},
        "curves": {name: measured_curve(records, name)._asdict() for name in CURVES},
        "epochs": {
            name: epochs_curve(records, name)._asdict() for name in CURVES if LENGTH_OF[name][1]
        },
        "times": {
            family: curve._asdict() for family, curve in times_of(records, inference).items()
        },
    }


class Explorer(Widget):
    """A channel profile that a reader designs; make one with `explorer_widget`.

    Traits, in step with what the reader does: `scale`; `family`, one of `EXPLORER_FAMILIES`;
    `removals` for the family pruned-and-tuned and `factor` for the others; `block` and its `width`
    in channels; `profile` as JSON. Setting `width` or `profile` edits by hand.
    """

    _esm = module("prunelib.book.widgets.explorer.Explorer")

    family = traitlets.Unicode().tag(sync=True)
    removals = traitlets.Int(0).tag(sync=True)
    factor = traitlets.Float(1.0).tag(sync=True)
    block = traitlets.Int(1).tag(sync=True)
    width = traitlets.Int(1).tag(sync=True)
    profile = traitlets.Unicode().tag(sync=True)

    @property
    def channel_profile(self) -> ChannelProfile:
        """The profile that is shown."""
        return ChannelProfile.from_json(self.profile)

    @property
    def last(self) -> int:
        """Removals of the whole pruning run; 0 without one."""
        return self.removals_of(0)

    def fit(self, budget: int, what: str = "params") -> None:
        """Make the family's largest network within a budget of `params` or `macs`.

        Raises:
            PrunelibError: the budget cannot be met, or the profile was edited by hand.
        """
        if self.family == BY_HAND:
            raise PrunelibError("a profile edited by hand has no size to choose: set a family")
        for name, value in within_budget(self.records, self.family, budget, what).items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        size = self.records.scale.shape.params(self.channel_profile)
        return self._say(f"scale={self.scale!r}", f"family={self.family!r}", f"{size:,} parameters")

    @traitlets.validate("family")
    def _check_family(self, proposal: traitlets.Bunch) -> str:
        family = among(proposal.value, EXPLORER_FAMILIES, "family")
        if family in (PRUNED, COPYCAT) and self.records.pruning(0) is None:
            raise Missing(
                f"there is no pruning run at {self.scale}; "
                f"make it with: prunelib study {self.scale}"
            )
        return family

    @traitlets.validate("removals")
    def _check_removals(self, proposal: traitlets.Bunch) -> int:
        return bounded(proposal.value, 0, self.last, "removals")

    @traitlets.validate("factor")
    def _check_factor(self, proposal: traitlets.Bunch) -> float:
        return bounded(proposal.value, 0.0, WIDEST_FACTOR, "factor")

    @traitlets.validate("block")
    def _check_block(self, proposal: traitlets.Bunch) -> int:
        return bounded(proposal.value, 1, len(self.records.scale.base.middle), "block")

    @traitlets.validate("width")
    def _check_width(self, proposal: traitlets.Bunch) -> int:
        widest = self.channel_profile.blocks[self.block - 1].c_out
        return bounded(proposal.value, 1, widest, "width")

    @traitlets.validate("profile")
    def _check_profile(self, proposal: traitlets.Bunch) -> str:
        profile, base = ChannelProfile.from_json(proposal.value), self.records.scale.base
        if profile.depth != base.depth:
            raise PrunelibError(f"the profile must have depth {base.depth}, not {profile.depth}")
        for b in profile.blocks:
            bounded(b.middle, 1, b.c_out, f"the width of block {b.number}")
        return profile.to_json()

    @traitlets.observe(*STATE)
    def _settle(self, change: traitlets.Bunch) -> None:
        """Bring the other traits in line with the one that changed."""
        if self._settling:
            return
        self._settling = True
        try:
            with self.hold_sync():
                self._settle_after(change.name)
        finally:
            self._settling = False

    _settling = False

    def _settle_after(self, name: str) -> None:
        pruned = self.records.pruning(0) is not None
        if name == "scale":
            if self.family == BY_HAND or (not pruned and self.family in (PRUNED, COPYCAT)):
                self.family = PRUNED if pruned else BOTTLENECK
            self.removals = min(self.removals, self.last)
            self.block = min(self.block, len(self.records.scale.base.middle))
        if name == "width" and self.width != self.channel_profile.middle[self.block - 1]:
            self.family, self.profile = BY_HAND, self._edited().to_json()
        if name == "profile" and self.channel_profile != self._design():
            self.family = BY_HAND
        self.profile = self._design().to_json()
        self.width = self.channel_profile.middle[self.block - 1]

    def _design(self) -> ChannelProfile:
        if self.family == BY_HAND:
            return self.channel_profile
        return profile_shown(self.records, self.family, self.removals, self.factor)

    def _edited(self) -> ChannelProfile:
        profile, i = self.channel_profile, self.block - 1
        middle = (*profile.middle[:i], self.width, *profile.middle[i + 1 :])
        return ChannelProfile(profile.depth, profile.width, middle)


def explorer_widget(
    records: View | Mapping[str, View],
    family: str | None = None,
    budget: int | None = None,
    inference: dict | None = None,
) -> Explorer:
    """A widget to design a channel profile, and to compare it with what was measured.

    It works without records: what cannot be shown then it says, and how to make them.

    Args:
        records: of one scale, or of several by name as `notebook.open_studies` gives them; the
            first that has a pruning run is shown first.
        family: shown first, one of `EXPLORER_FAMILIES` but the last; by default the best one within
            the budget, or the pruned one; without a pruning run it is bottleneck.
        budget: parameters of what is shown first, of the first scale then; by default those of
            the profile that copycats scale, or of half the channels.
        inference: the benchmark of that name, for milliseconds.

    Raises:
        PrunelibError: there is no scale, the family is unknown, or the budget cannot be met.
    """
    studies = by_name(records)
    shown = next(iter(studies)) if budget else first_pruned(studies, 0)
    pruned = studies[shown].pruning(0) is not None
    family = among(family or best_family(studies[shown], budget), EXPLORER_FAMILIES[:-1], "family")
    if not pruned and family in (PRUNED, COPYCAT):
        family = BOTTLENECK
    removals = copied_after(studies[shown].scale.base) if pruned else 0
    factor = 1.0 if family == COPYCAT else 0.5
    if budget is not None:
        found = within_budget(studies[shown], family, budget)
        removals, factor = found.get("removals", removals), found.get("factor", factor)
    profile = profile_shown(studies[shown], family, removals, factor)
    return Explorer(
        studies,
        data={
            "scales": {
                name: explorer_data(study, inference) for name, study in by_length(studies).items()
            },
            "timed": timing_note(inference),
        },
        scale=shown,
        family=family,
        removals=removals,
        factor=factor,
        profile=profile.to_json(),
        width=profile.middle[0],
    )


def best_family(view: View, budget: int | None) -> str:
    """The family of the best network within a budget; the pruned one without a budget."""
    if budget is None:
        return PRUNED
    first = design.largest_designs(view, budget)[0].family
    return PRUNED if first == SCRATCH else first
