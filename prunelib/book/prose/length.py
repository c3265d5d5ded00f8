"""What longer training does, in words."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.book.prose.answer import LEADING, is_complete, lead_in_short, leading, trend
from prunelib.book.prose.words import listed
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.lengths import errors_by_length, shape_by_length
from prunelib.evidence.rates import training_rates
from prunelib.evidence.statistics import mean
from prunelib.evidence.verdicts import judge_claims
from prunelib.evidence.view import View
from prunelib.study.families import AT_LENGTH, BASE, BOTTLENECK, COPYCAT, LENGTHS, PRUNED, SCRATCH
from prunelib.text import fixed, short

HOUR = 3600
CLEARLY = 0.8
"""Training is shorter than another if it has less than this share of its epochs."""
BESIDE_PRUNED = {"C1": "simple networks", "C3": "pruned shapes from scratch"}
WATCHED = {BOTTLENECK: "a bottleneck network", SCRATCH: "a pruned shape"}


def long_enough(views: dict[str, View]) -> str:
    """Whether the answer changes with the length of training: what is known, in a few sentences."""
    told = trend(views)
    if not told:
        done = [markdown(name) for name, view in views.items() if is_complete(view)]
        names = ", ".join(done) or "no scale"
        told = f"That is not known yet: so far, the runs that decide are complete at {names} only."
    parts = (f"{lead_in_short(views)}{told}", beside_pruned(views), shape_keeps_its_lead(views))
    return "\n\n".join(part for part in parts if part)


def beside_pruned(views: dict[str, View]) -> str:
    """How far networks from scratch are from pruned weights at the smallest size, by length of
    training; empty where there is but one length.
    """
    means = {
        view.scale.train.epochs: {
            v.claim: (v.sizes[0].size, v.sizes[0].mean)
            for v in judge_claims(view, CLAIMS)
            if v.sizes and v.sizes[0].mean is not None
        }
        for view in views.values()
    }
    found = {n: by for n, by in means.items() if by.keys() >= BESIDE_PRUNED.keys()}
    sizes = {by[claim][0] for by in found.values() for claim in BESIDE_PRUNED}
    if len(found) < 2 or len(sizes) > 1:
        return ""
    sentences = [
        f"{who} are {ahead_or_behind([by[claim][1] for by in found.values()])}"
        for claim, who in BESIDE_PRUNED.items()
    ]
    return (
        f"This is different at equal epochs. At {short(sizes.pop())} parameters, after "
        f"{listed([str(n) for n in found])} epochs, "
        f"{' of pruned and tuned ones, and '.join(sentences)}. The table of claims below says how "
        "sure that is."
    )


def ahead_or_behind(points: list[float]) -> str:
    """Leads in words.

    >>> ahead_or_behind([-1.0, 0.5]), ahead_or_behind([2.0, 3.0])
    ('1.00 points behind and 0.50 ahead', '2.00 and 3.00 points ahead')
    """
    sides = ["ahead" if x >= 0 else "behind" for x in points]
    numbers = [fixed(abs(x)) for x in points]
    if len(set(sides)) == 1:
        return f"{listed(numbers)} points {sides[0]}"
    numbers[0] += " points"
    return listed([f"{number} {side}" for number, side in zip(numbers, sides, strict=True)])


def shape_keeps_its_lead(views: dict[str, View]) -> str:
    """How the lead of pruned shapes over bottleneck networks moves, at the smallest size.

    Where several scales have networks that were trained as long as their base, these are told.
    """
    rows = pd.concat([shape_by_length(view) for view in views.values()]).sort_values("epochs")
    rows = rows[rows["size"] == rows["size"].min()]
    plain = rows[rows["length"] == ""]
    rows = plain if len(plain) > 1 else rows
    if len(rows) < 2:
        return ""
    points = [
        f"{fixed(abs(row.points))} points {'lower' if row.points >= 0 else 'higher'}"
        f"{' than that of a bottleneck network' if i == 0 else ''} after {row.epochs:.0f} epochs"
        f"{' (one seed)' if row.seeds == 1 else ''}"
        for i, row in enumerate(rows.itertuples())
    ]
    ratios = [fixed(math.exp(ratio)) for ratio in rows["ratio"]]
    often = (
        f"{ratios[0]} times that of the shape each time"
        if len(set(ratios)) == 1
        else f"{listed(ratios)} times that of the shape, in the same order"
    )
    return (
        f"At {short(rows['size'].iloc[0])} parameters, the error of a pruned shape that is trained "
        f"from scratch is {listed(points)}. The error of the bottleneck network is {often}."
    )


def still_learning(views: dict[str, View]) -> str:
    """What longer training still gained, for networks that were trained longer; a Markdown list."""
    rows = errors_by_length(views)
    rows = rows[rows["family"].isin(WATCHED)]
    lines: list[str] = []
    for size, at in rows.groupby("size"):
        told: dict[tuple[int, int, int], list[tuple[float, str]]] = {}
        for family, own in at.groupby("family"):
            gain = last_gain(own)
            if gain is not None:
                told.setdefault(gain[1:], []).append((gain[0], WATCHED[str(family)]))
        if told:
            parts = [
                f"training for {after} epochs instead of {before} {gained(gains)}"
                f"{' (one seed)' if seeds == 1 else ''}"
                for (before, after, seeds), gains in told.items()
            ]
            lines.append(f"- At {short(size)} parameters, {'; '.join(parts)}.")
    return "\n".join(lines)


def last_gain(rows: pd.DataFrame) -> tuple[float, int, int, int] | None:
    """What the longest training of a family gained over one that is clearly shorter.

    Points, over the seeds that both have; the epochs of the shorter one, those of the longer one,
    and how many these seeds are.
    """
    rows = rows.assign(epochs=rows["epochs"].round().astype(int)).sort_values("epochs")
    last = rows.iloc[-1]
    shorter = rows[rows["epochs"] < CLEARLY * last["epochs"]]
    for before in reversed(list(shorter.itertuples())):
        both = before.errors.keys() & last["errors"].keys()
        if both:
            points = float(mean(before.errors[seed] - last["errors"][seed] for seed in both))
            return points, int(before.epochs), int(last["epochs"]), len(both)
    return None


def gained(gains: list[tuple[float, str]]) -> str:
    """What longer training did to the errors of some networks.

    >>> gained([(1.5, "a pruned shape"), (2.0, "another network")])
    'takes 1.50 points off the error of a pruned shape and 2.00 points off that of another network'
    """
    parts: list[str] = []
    verb = ""
    for points, network in gains:
        now, way = ("takes ", "off") if points >= 0 else ("adds ", "to")
        error = "that" if parts else "the error"
        again = "" if now == verb else now
        parts.append(f"{again}{fixed(abs(points))} points {way} {error} of {network}")
        verb = now
    return listed(parts)


def coverage(views: dict[str, View]) -> str:
    """How many runs of each length are there, and what is missing, as a Markdown table."""
    lines = [
        "| scale | epochs | runs on record | seeds of the claims that decide |",
        "|---|---|---|---|",
    ]
    for scale, view in views.items():
        seeds = ", ".join(
            f"{v.seeds} of {max(v.seeds, v.planned)} ({claim})"
            for claim, v in zip(LEADING, leading(view), strict=True)
        )
        lines.append(
            f"| {markdown(scale)} | {view.scale.train.epochs} | {view.there} of "
            f"{len(view.requests)} | {seeds} |"
        )
    return "\n".join(lines)


def compute_times(views: dict[str, View]) -> str:
    """How long one core takes for what a reader may want to do, as a Markdown table.

    Times are work over the rates at which runs like it were made, on the slowest and the fastest
    processor on record.
    """
    lines = []
    for what, macs, families, budget in wanted(views):
        speeds = [training_rates(view, families, budget) for view in views.values()]
        speeds = [own for own in speeds if len(own)]
        if speeds:
            slow, fast = min(own.min() for own in speeds), max(own.max() for own in speeds)
            hours = span_of(macs / fast, macs / slow)
            lines.append(f"| {what} | {macs / 1e12:,.0f} trillion multiply-accumulates | {hours} |")
    return "\n".join(["| what | work | on one core |", "|---|---|---|", *lines]) if lines else ""


class Job(NamedTuple):
    """What a reader may want to do, its training multiply-accumulates, and which runs are alike."""

    what: str
    macs: float
    families: tuple[str, ...]
    budget: int | None = None


def wanted(views: dict[str, View]) -> Iterator[Job]:
    """What a reader may want to do."""
    view = next((view for view in views.values() if len(view.networks)), None)
    if view is None:
        return
    budget, epochs = min(view.scale.budgets), view.scale.train.epochs
    means = view.networks.groupby(["family", "budget"])[["training_macs", "total_macs"]].mean()
    for family, what in ((BOTTLENECK, "a bottleneck network"), (COPYCAT, "a copycat")):
        if (family, budget) in means.index:
            a_hundred = means.loc[(family, budget), "training_macs"] * 100 / epochs
            alike = tuple(AT_LENGTH[family, n] for n in LENGTHS if (family, n) in AT_LENGTH)
            told = f"Train {what} of {short(budget)} parameters for 100 epochs"
            yield Job(told, a_hundred, alike, budget)
    if (PRUNED, budget) in means.index:
        search = means.loc[(PRUNED, budget), "total_macs"]
        for other in views.values():
            length = other.scale.train.epochs
            what = f"Find shapes of your own: train and prune as at {markdown(other.scale.name)}"
            yield Job(what, search * length / epochs, (BASE, PRUNED))


def span_of(shortest: float, longest: float) -> str:
    """Two durations in seconds as a range.

    >>> span_of(300, 600), span_of(300, 9000)
    ('5 to 10 minutes', '5 minutes to 2.5 hours')
    """
    low, high = hours_of(shortest), hours_of(longest)
    number, its_unit = low.split()
    return f"{number if high.endswith(its_unit) else low} to {high}"


def hours_of(seconds: float) -> str:
    """A duration in minutes, hours or days, to two digits.

    >>> hours_of(300), hours_of(9000), hours_of(400_000)
    ('5 minutes', '2.5 hours', '4.6 days')
    """
    size, unit_name = 60, "minutes"
    for longer, its_name in ((HOUR, "hours"), (24 * HOUR, "days")):
        if seconds >= 2 * longer:
            size, unit_name = longer, its_name
    return f"{float(f'{seconds / size:.2g}'):g} {unit_name}"
