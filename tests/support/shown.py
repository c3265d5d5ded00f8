"""What the widgets display, computed a second time in Python from the same records."""

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from prunelib.book.widgets.explorer import (
    BY_HAND,
    SCRATCH,
    base_reading,
    epochs_curve,
    times_of,
)
from prunelib.errors import PrunelibError
from prunelib.evidence.curves import Reading, measured_curve, reading
from prunelib.evidence.design import copycat_source
from prunelib.evidence.view import View
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import PRUNED

LONGER = {"long": "trained longer", "longest": "trained longest"}
"""What the explorer calls families that saw more images, by the end of their name."""


class Row(NamedTuple):
    """A line of the explorer's comparison, as displayed."""

    title: str
    params: str
    macs: str
    ms: str
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
    '3.13%'
    """
    return f"{rounded(x, '0.01')}%"


def compared(
    records: View, family: str, profile: ChannelProfile, inference: dict | None = None
) -> list[Row]:
    """What the explorer's comparison says of a profile of a family (or `custom`)."""
    times = times_of(records, inference)
    base, shape = records.scale.base, records.scale.shape
    source = copycat_source(records, base) if records.pruning(0) else None
    size, of_base = shape.params(profile), base_reading(records)

    def row(title: str, network: ChannelProfile, read: Reading, kind: str = family) -> Row:
        sign = "" if read.note.startswith("mean") else "≈ "
        timed = reading(times.get(kind), shape.macs(network))
        outside = read.error is None and read.note.startswith(("outside", "measured"))
        return Row(
            title,
            f"{shape.params(network):,}",
            f"{shape.macs(network):,}",
            milliseconds(timed),
            "not measured" if read.error is None else sign + percent(read.error),
            f"not measured here: {read.note}" if outside else read.note,
        )

    def read(name: str) -> Reading:
        if profile == base and name != PRUNED:
            return of_base
        return reading(measured_curve(records, name), size)

    def longer(name: str, title: str) -> list[Row]:
        rows = []
        for end, how in {} if profile == base else LONGER.items():
            error, epochs = (
                read(f"{name}-{end}"),
                reading(epochs_curve(records, f"{name}-{end}"), size),
            )
            if error.error is not None:
                told = f"{title}, {how}: {rounded(epochs.error, '1')} epochs"
                rows.append(row(told, profile, error))
        return rows

    if family == BY_HAND:
        no_curve = Reading(None, "no curve applies to a profile edited by hand")
        rows = [row("This network", profile, no_curve)]
    elif family == PRUNED:
        rows = [
            row("This network, pruned and tuned", profile, read(PRUNED)),
            row("The same shape from scratch", profile, read(SCRATCH)),
            *longer(SCRATCH, "The same shape"),
        ]
    else:
        rows = [row("This network", profile, read(family)), *longer(family, "This network")]
    if source is not None and family != "copycat":
        try:
            copy = source.fit_params(size, shape.in_channels, shape.num_classes)
        except PrunelibError:
            pass
        else:
            curve = measured_curve(records, "copycat")
            copied = reading(curve, shape.params(copy))
            rows.append(row("Copycat of this size", copy, copied, "copycat"))
    return [*rows, row("Base network", base, of_base, next(iter(times), ""))]


def milliseconds(read: Reading) -> str:
    """A time with two digits, and a sign if it was read off."""
    if read.error is None:
        return "not measured"
    return f"{'' if read.note.startswith('mean') else '≈ '}{rounded(read.error, '0.01')}"


def rounded(x: float, digit: str) -> Decimal:
    """A number to a digit, half up, as JavaScript rounds."""
    return Decimal(x).quantize(Decimal(digit), ROUND_HALF_UP)


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
        goes = f"block {points['block'][removals]}, channel {points['channel'][removals] + 1}"
        if points["saliency"][removals] is not None:
            goes += f", saliency {scientific(points['saliency'][removals])} nats"
    return Position(
        f"{removals} of {last}",
        f"{shape.params(profile):,}",
        f"{shape.macs(profile):,}",
        "not measured here" if error is None else percent(error),
        "" if error is None or measured == removals else f"measured after {measured} removals",
        goes,
    )


def scientific(x: float) -> str:
    """Two digits and an exponent, as JavaScript writes them: 1.3e-4."""
    digits, exponent = f"{float(f'{x:.6g}'):.1e}".split("e")
    return f"{digits}e{int(exponent):+d}"


def built(line: str) -> ChannelProfile:
    """The profile of the network that the line of Python from the explorer makes."""
    names = {}
    exec(line, names)
    return names["network"].profile
