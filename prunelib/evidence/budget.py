"""What to take within a budget: all that was measured or can be read off, in one order.

`prunelib fit`, `prunelib export` and the page *Design your own* answer from here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.evidence.curves import Reading
from prunelib.evidence.design import DESIGN_FAMILIES, Design, best_first, design_within
from prunelib.evidence.statistics import mean
from prunelib.evidence.view import View, open_view
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import AT_LENGTH, BASE
from prunelib.study.scale import Scale
from prunelib.study.scales import SCALES
from prunelib.study.specs import TrainSpec, training_of
from prunelib.study.store import Record, Store
from prunelib.text import counted

USUAL = "mini"
"""The scale that is meant where none is named; with it, those that train longer."""


def comparable_scales(scale: Scale) -> list[Scale]:
    """The scale, and those of the project that differ from it in the length of training alone."""
    same = [s for s in SCALES.values() if (s.data, s.base) == (scale.data, scale.base)]
    return [scale, *(s for s in same if s.name != scale.name)]


def budget_views(scale: Scale | None, results: Path) -> list[View]:
    """Where networks within a budget are looked for: at a scale, or at `USUAL` and those like it.

    Records in `results` lie over those of the package.

    Raises:
        PrunelibError: a record is damaged.
    """
    scales = [scale] if scale else comparable_scales(SCALES[USUAL])
    return [open_view(one, results, packaged=True) for one in scales]


def comparable_views(views: Iterable[View]) -> list[View]:
    """The first view, and those that differ from it in the length of training alone."""
    first, *others = views
    same = (first.scale.data, first.scale.base)
    return [first, *(view for view in others if (view.scale.data, view.scale.base) == same)]


def on_record(
    view: View, params: int | None, macs: int | None, families: Sequence[str]
) -> list[Design]:
    """The networks of some families that were trained and keep the budgets, ranked.

    Seeds count as one network, with the mean of their errors.
    """
    names = {name: pair for pair, name in AT_LENGTH.items() if pair[0] in families}
    groups: dict[tuple[str, int | None], list[Record]] = defaultdict(list)
    for request, record in view.planned:
        if request.family in names and record and isinstance(record.spec, TrainSpec):
            small = params is None or record.outcome["params"] <= params
            if small and (macs is None or record.outcome["macs"] <= macs):
                groups[request.family, request.budget].append(record)
    return best_first(
        measured_design(view, *names[name], runs) for (name, _), runs in groups.items()
    )


def measured_design(view: View, family: str, length: str, runs: list[Record]) -> Design:
    """What was trained, once for each seed, as a design."""
    first, specs = runs[0], tuple(training_of(record.spec) for record in runs)
    error = float(mean([record.outcome["error"] for record in runs]))
    return Design(
        view.scale.name,
        family,
        length,
        specs[0].profile,
        first.outcome["params"],
        first.outcome["macs"],
        round(float(mean([spec.protocol.epochs for spec in specs]))),
        Reading(error, f"mean of {counted(len(runs), 'run')}"),
        specs,
    )


def known_designs(
    views: Sequence[View],
    params: int | None = None,
    macs: int | None = None,
    families: Sequence[str] = (*DESIGN_FAMILIES, BASE),
) -> list[Design]:
    """Every network within the budgets whose error is known, ranked: on record, or designed.

    Args:
        views: of scales that measure the same images.
        params: budget of parameters.
        macs: budget of MACs for one image.
        families: some of `DESIGN_FAMILIES`, and `base`.
    """
    known = []
    for view in views:
        known += on_record(view, params, macs, families)
        try:
            new = design_within(
                view, params, macs, families=[name for name in families if name in DESIGN_FAMILIES]
            )
        except PrunelibError:
            continue
        known += [network for network in new if network.expected.error is not None]
    return best_first(known)


def released(views: Sequence[View], params: int, folder: Path) -> Record | None:
    """The record of the best network within a budget whose weights are released in a folder: of
    the kind that is best on average, the seed with the lowest error.

    Args:
        views: of scales that measure the same images.
        params: budget of parameters.
        folder: with results.
    """
    find = {view.scale.name: view.find for view in views}
    for network in known_designs(views, params):
        store = Store(folder / network.scale)
        found = [find[network.scale](s) for s in network.runs if store.released(s).exists()]
        if records := [record for record in found if record is not None]:
            return min(records, key=lambda record: record.outcome["error"])
    return None


def best_designs(
    views: Sequence[View],
    params: int | None = None,
    macs: int | None = None,
    base: ChannelProfile | None = None,
    families: Sequence[str] = DESIGN_FAMILIES,
) -> list[Design]:
    """The best network within the budgets of each family and length of training, ranked.

    Families whose error is not known come last, trained as the first scale does.

    Raises:
        Missing: no family has such a network.
        PrunelibError: a budget cannot be met.
    """
    first = design_within(views[0], params, macs, base, families)
    if base not in (None, views[0].scale.base):
        return first
    best: dict[tuple[str, str, str], Design] = {}
    for network in known_designs(views, params, macs, families):
        best.setdefault((network.scale, network.family, network.length), network)
    known = {network.family for network in best.values()}
    return [*best.values(), *(d for d in first if d.family not in known)]


def worth_training(networks: Sequence[Design]) -> list[Design]:
    """Those that no other one beats with as few epochs and multiply-accumulates, in their order.

    Networks whose error is not known are kept.
    """

    def effort(network: Design) -> tuple[float, int, int]:
        return network.error, network.epochs, network.macs

    def beaten(network: Design) -> bool:
        mine = effort(network)
        return network.expected.error is not None and any(
            effort(other) != mine and all(a <= b for a, b in zip(effort(other), mine, strict=True))
            for other in networks
        )

    return [network for network in networks if not beaten(network)]
