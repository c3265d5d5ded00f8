"""Widgets: design a channel profile; walk through a pruning run.

Each is one ES module that draws and computes by itself, so that it works live in Jupyter, in step
with Python, and in a stored page of the book, where no Python is. The functions here compute what
the widgets display for the same input.
"""

import base64
import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import anywidget
import numpy as np
import traitlets

from prunelib.errors import Missing, PrunelibError
from prunelib.evidence.curves import Reading, measured_curve, reading
from prunelib.evidence.tables import PRUNED
from prunelib.evidence.view import View
from prunelib.nets.profile import ChannelProfile, largest, round_half_up
from prunelib.study.families import copied_after
from prunelib.text import counted

ASSETS = Path(__file__).parents[1] / "assets"
MODULES = {
    "prunelib.book.widgets.explorer.Explorer": ("profile.js", "parts.js", "explorer.js"),
    "prunelib.book.widgets.explorer.Player": ("profile.js", "parts.js", "player.js"),
}
SCRATCH, BY_HAND = "pruned-from-scratch", "custom"
FAMILIES = (PRUNED, "copycat", "bottleneck", "reduced-width", BY_HAND)
CURVES = (PRUNED, SCRATCH, "copycat", "bottleneck", "reduced-width")
UNMEASURED = 65_535
WIDEST_FACTOR = 128.0
STATE = ("scale", "family", "removals", "factor", "block", "width", "profile")


def module(widget: str) -> str:
    """The ES module of a widget in one text: its files, without their imports of each other."""
    texts = ((ASSETS / name).read_text(encoding="utf-8") for name in MODULES[widget])
    return "\n".join(re.sub(r'^import .* from "\./.*";\n', "", t, flags=re.M) for t in texts)


class Row(NamedTuple):
    """A line of the explorer's comparison, as displayed."""

    title: str
    params: str
    macs: str
    error: str
    note: str


class Position(NamedTuple):
    """Where a pruning run stands, as displayed by the player."""

    removed: str
    params: str
    macs: str
    error: str
    last: str
    next: str


def percent(x: float) -> str:
    """Per cent with two digits, half up, as JavaScript rounds.

    >>> percent(3.125)
    '3.13 %'
    """
    return f"{Decimal(x).quantize(Decimal('0.01'), ROUND_HALF_UP)} %"


def base_reading(records: View) -> Reading:
    """The mean error of the base network."""
    errors = records.networks.query("family == 'base'")["error"]
    if errors.empty:
        return Reading(None, "no runs of this network yet")
    return Reading(round(float(errors.mean()), 4), f"mean of {counted(len(errors), 'run')}")


def copycat_source(records: View) -> ChannelProfile | None:
    """The profile that copycats scale; None without a pruning run of seed 0."""
    try:
        trajectory = records.trajectory(0)
    except Missing:
        return None
    return trajectory.after(copied_after(records.scale.base))


def designed(records: View, family: str, removals: int = 0, factor: float = 1.0) -> ChannelProfile:
    """The profile of a family: after so many removals, or scaled by a factor.

    Reduced widths are the nearest multiple of 1/128.

    Raises:
        PrunelibError: the family is none of `FAMILIES` but the last, or not measured.
    """
    base = records.scale.base
    if family == PRUNED:
        return records.trajectory(0).after(removals)
    if family == "copycat":
        source = copycat_source(records)
        if source is None:
            raise Missing(f"there is no pruning run at {records.scale.name} to copy")
        return source.scaled(factor)
    if family == "bottleneck":
        return base.scaled(factor)
    if family == "reduced-width":
        return base.reduced(round_half_up(128 * Fraction(base.width * min(1.0, factor))) / 128)
    raise PrunelibError(f"unknown family {family!r}; there are: {', '.join(FAMILIES[:-1])}")


def within_budget(records: View, family: str, budget: int, what: str = "params") -> dict:
    """What makes the largest network of a family within a budget: `removals` or `factor`.

    Args:
        records: of the scale.
        family: one of `FAMILIES` but the last.
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
    if family == "reduced-width":
        return {"factor": base.fit_full(budget, count, unit).width / base.width}
    source = designed(records, family)
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


def compared(records: View, family: str, profile: ChannelProfile) -> list[Row]:
    """What the explorer's comparison says of a profile of a family (or `custom`)."""
    base, shape, source = records.scale.base, records.scale.shape, copycat_source(records)
    size, of_base = shape.params(profile), base_reading(records)

    def row(title: str, network: ChannelProfile, read: Reading) -> Row:
        sign = "" if read.note.startswith("mean") else "≈ "
        outside = read.error is None and read.note.startswith(("outside", "measured"))
        return Row(
            title,
            f"{shape.params(network):,}",
            f"{shape.macs(network):,}",
            "not measured" if read.error is None else sign + percent(read.error),
            f"not measured here: {read.note}" if outside else read.note,
        )

    def read(name: str) -> Reading:
        if profile == base and name != PRUNED:
            return of_base
        return reading(measured_curve(records, name), size)

    if family == BY_HAND:
        no_curve = Reading(None, "no curve applies to a profile edited by hand")
        rows = [row("This network", profile, no_curve)]
    elif family == PRUNED:
        rows = [
            row("This network, pruned and tuned", profile, read(PRUNED)),
            row("The same shape from scratch", profile, read(SCRATCH)),
        ]
    else:
        rows = [row("This network", profile, read(family))]
    if source is not None and family != "copycat":
        try:
            copy = source.fit_params(size, shape.in_channels, shape.num_classes)
        except PrunelibError:
            pass
        else:
            curve = measured_curve(records, "copycat")
            rows.append(row("Copycat of this size", copy, reading(curve, shape.params(copy))))
    return [*rows, row("Base network", base, of_base)]


def position(records: View, removals: int, seed: int = 0) -> Position:
    """What the player says after so many removals.

    Raises:
        Missing: there is no pruning run of this seed.
    """
    run, points = records.trajectory(seed), records.pruning(seed).outcome["points"]
    shape, last = records.scale.shape, len(run.blocks) - 1
    profile = run.after(removals)
    measured = max(i for i in range(removals + 1) if i == 0 or points["error"][i] is not None)
    error, goes = points["error"][measured], "nothing: the run ends here"
    if removals < last:
        goes = f"block {points['block'][removals]}, channel {points['channel'][removals]}"
        if points["saliency"][removals] is not None:
            goes += f", saliency {scientific(points['saliency'][removals])}"
    here = measured == removals and error is not None
    return Position(
        f"{removals} of {last}",
        f"{shape.params(profile):,}",
        f"{shape.macs(profile):,}",
        percent(hundredths(error) / 100) if here else "not measured here",
        ""
        if measured == removals
        else f"last measured after {measured} removals: {percent(hundredths(error) / 100)}",
        goes,
    )


def scientific(x: float) -> str:
    """Two digits and an exponent, as JavaScript writes them: 1.3e-4."""
    digits, exponent = f"{np.float32(x):.1e}".split("e")
    return f"{digits}e{int(exponent):+d}"


def hundredths(error: float) -> int:
    """Per cent in hundredths, half up: two bytes hold it."""
    return int(Decimal(error * 100).quantize(Decimal(1), ROUND_HALF_UP))


def packed(values: list, kind: str) -> str:
    """Numbers as little-endian bytes in base64."""
    return base64.b64encode(np.array(values, dtype=kind).tobytes()).decode()


def common(records: View, without: str) -> dict:
    """What both widgets must know of a scale."""
    scale = records.scale
    return {
        "scale": scale.name,
        "depth": scale.base.depth,
        "width": scale.base.width,
        "shape": {
            "channels": scale.shape.in_channels,
            "classes": scale.shape.num_classes,
            "size": scale.shape.image_size,
        },
        "provenance": records.provenance() if records.there else "",
        "command": f"prunelib study {scale.name}",
        "without": without,
    }


def explorer_data(records: View) -> dict:
    """What the explorer must know of a scale, as JSON."""
    run, base = records.pruning(0), base_reading(records)
    return common(records, "pruned shapes and copycats cannot be shown") | {
        "order": None if run is None else packed(run.outcome["points"]["block"][:-1], "<u1"),
        "source": copied_after(records.scale.base),
        "base": None
        if base.error is None
        else {"error": base.error, "runs": int((records.networks["family"] == "base").sum())},
        "curves": {name: measured_curve(records, name)._asdict() for name in CURVES},
    }


def player_data(records: View, seed: int) -> dict:
    """What the player must know of a scale, as JSON; nine bytes a removal."""
    facts = common(records, "there is nothing to walk through") | {"order": None}
    run = records.pruning(seed)
    if run is None:
        return facts
    points = run.outcome["points"]
    errors = [UNMEASURED if e is None else hundredths(e) for e in points["error"]]
    saliencies = [np.nan if s is None else s for s in points["saliency"][:-1]]
    return facts | {
        "order": packed(points["block"][:-1], "<u1"),
        "channels": packed(points["channel"][:-1], "<u2"),
        "errors": packed(errors, "<u2"),
        "saliencies": packed(saliencies, "<f4"),
    }


class Widget(anywidget.AnyWidget):
    """What both widgets share: records of one or more scales, one of which is shown."""

    _css = (ASSETS / "widgets.css").read_text(encoding="utf-8")

    data = traitlets.Dict().tag(sync=True)
    scale = traitlets.Unicode().tag(sync=True)

    def __init__(self, studies: dict[str, View], **state) -> None:
        self.studies = studies
        super().__init__(**state)

    @property
    def records(self) -> View:
        """The records of the scale that is shown."""
        return self.studies[self.scale]

    @property
    def last(self) -> int:
        """Removals of the whole pruning run; 0 without one."""
        run = self.records.pruning(self._seed)
        return 0 if run is None else len(run.outcome["points"]["block"]) - 1

    _seed = 0

    @traitlets.validate("scale")
    def _check_scale(self, proposal) -> str:
        return among(proposal.value, self.studies, "scale")

    @traitlets.validate("removals")
    def _check_removals(self, proposal) -> int:
        return within(proposal.value, 0, self.last, "removals")

    def _say(self, *facts: str) -> str:
        return f"{type(self).__name__}({', '.join(facts)})"


class Explorer(Widget):
    """A channel profile that a reader designs; make one with `explorer`.

    Traits, in step with what the reader does: `scale`; `family`, one of `FAMILIES`; `removals` for
    the family pruned-and-tuned and `factor` for the others; `block` and its `width` in channels;
    `profile` as JSON. Setting `width` or `profile` edits by hand.
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
    def rows(self) -> list[Row]:
        """The comparison that is shown."""
        return compared(self.records, self.family, self.channel_profile)

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
    def _check_family(self, proposal) -> str:
        family = among(proposal.value, FAMILIES, "family")
        if family in (PRUNED, "copycat") and self.records.pruning(0) is None:
            raise Missing(
                f"there is no pruning run at {self.scale}; "
                f"make it with: prunelib study {self.scale}"
            )
        return family

    @traitlets.validate("factor")
    def _check_factor(self, proposal) -> float:
        return within(proposal.value, 0.0, WIDEST_FACTOR, "factor")

    @traitlets.validate("block")
    def _check_block(self, proposal) -> int:
        return within(proposal.value, 1, len(self.records.scale.base.middle), "block")

    @traitlets.validate("width")
    def _check_width(self, proposal) -> int:
        widest = self.channel_profile.blocks[self.block - 1].c_out
        return within(proposal.value, 1, widest, "width")

    @traitlets.validate("profile")
    def _check_profile(self, proposal) -> str:
        profile, base = ChannelProfile.from_json(proposal.value), self.records.scale.base
        if profile.depth != base.depth:
            raise PrunelibError(f"the profile must have depth {base.depth}, not {profile.depth}")
        for b in profile.blocks:
            within(b.middle, 1, b.c_out, f"the width of block {b.number}")
        return profile.to_json()

    @traitlets.observe(*STATE)
    def _settle(self, change) -> None:
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
            if self.family == BY_HAND or (not pruned and self.family in (PRUNED, "copycat")):
                self.family = PRUNED if pruned else "bottleneck"
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
        return designed(self.records, self.family, self.removals, self.factor)

    def _edited(self) -> ChannelProfile:
        profile, i = self.channel_profile, self.block - 1
        middle = (*profile.middle[:i], self.width, *profile.middle[i + 1 :])
        return ChannelProfile(profile.depth, profile.width, middle)


class Player(Widget):
    """A pruning run that a reader walks through; make one with `player`.

    Traits, in step with what the reader does: `scale`, and `removals`.
    """

    _esm = module("prunelib.book.widgets.explorer.Player")

    removals = traitlets.Int(0).tag(sync=True)

    def __init__(self, studies: dict[str, View], seed: int = 0, **state) -> None:
        self._seed = seed
        super().__init__(studies, **state)

    @property
    def seed(self) -> int:
        """Whose pruning run is shown."""
        return self._seed

    @property
    def channel_profile(self) -> ChannelProfile:
        """The profile that is shown."""
        return self.records.trajectory(self.seed).after(self.removals)

    @property
    def position(self) -> Position:
        """What is said of it."""
        return position(self.records, self.removals, self.seed)

    def __repr__(self) -> str:
        where = f"removals={self.removals} of {self.last}"
        return self._say(f"scale={self.scale!r}", f"seed={self.seed}", where)

    @traitlets.observe("scale")
    def _settle(self, change) -> None:
        self.removals = min(self.removals, self.last)


def explorer(
    records: View | Mapping[str, View],
    family: str = PRUNED,
    budget: int | None = None,
) -> Explorer:
    """A widget to design a channel profile, and to compare it with what was measured.

    It works without records: what cannot be shown then it says, and how to make them.

    Args:
        records: of one scale, or of several by name as `notebook.open_studies` gives them; the
            first that has a pruning run is shown first.
        family: shown first, one of `FAMILIES` but the last; without a pruning run it is bottleneck.
        budget: parameters of what is shown first, of the first scale then; by default those of
            the profile that copycats scale, or of half the channels.

    Raises:
        PrunelibError: there is no scale, the family is unknown, or the budget cannot be met.
    """
    studies = by_name(records)
    shown = next(iter(studies)) if budget else first_pruned(studies, 0)
    pruned = studies[shown].pruning(0) is not None
    family = among(family, FAMILIES[:-1], "family")
    if not pruned and family in (PRUNED, "copycat"):
        family = "bottleneck"
    removals = copied_after(studies[shown].scale.base) if pruned else 0
    factor = 1.0 if family == "copycat" else 0.5
    if budget is not None:
        found = within_budget(studies[shown], family, budget)
        removals, factor = found.get("removals", removals), found.get("factor", factor)
    profile = designed(studies[shown], family, removals, factor)
    return Explorer(
        studies,
        data={"scales": {name: explorer_data(study) for name, study in studies.items()}},
        scale=shown,
        family=family,
        removals=removals,
        factor=factor,
        profile=profile.to_json(),
        width=profile.middle[0],
    )


def player(records: View | Mapping[str, View], seed: int = 0) -> Player:
    """A widget to walk through all removals of a pruning run.

    Args:
        records: as for `explorer`.
        seed: whose run; where it is missing, the widget says so.

    Raises:
        PrunelibError: there is no scale.
    """
    studies = by_name(records)
    data = {"scales": {name: player_data(study, seed) for name, study in studies.items()}}
    return Player(studies, seed, data=data, scale=first_pruned(studies, seed))


def by_name(records: View | Mapping[str, View]) -> dict[str, View]:
    """Records by the name of their scale."""
    studies = {records.scale.name: records} if isinstance(records, View) else dict(records)
    if not studies:
        raise PrunelibError("there are no records of any scale to show")
    return studies


def first_pruned(studies: dict[str, View], seed: int) -> str:
    """The first scale with a pruning run of this seed; the first, if there is none."""
    return next((n for n, s in studies.items() if s.pruning(seed) is not None), next(iter(studies)))


def among(value: str, values, name: str) -> str:
    """The value, if it is one of these.

    Raises:
        PrunelibError: it is not.
    """
    if value not in values:
        raise PrunelibError(f"unknown {name} {value!r}; there are: {', '.join(values)}")
    return value


def within(value, low, high, name: str):
    """The value, if it is in this range.

    Raises:
        PrunelibError: it is not.
    """
    if not low <= value <= high:
        raise PrunelibError(f"{name} must be {low} to {high}, not {value}")
    return value
