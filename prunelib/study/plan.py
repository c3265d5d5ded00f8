"""Plans: what a study consists of."""

from collections.abc import Sequence

from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import COPYCAT, FAMILIES, STUDY_ORDER
from prunelib.study.lookup import Find
from prunelib.study.profile_rules import copied_after
from prunelib.study.request import Request, profile_for
from prunelib.study.scale import Scale
from prunelib.study.store import Record, Store


def plan_study(
    scale: Scale,
    families: Sequence[str] | None = None,
    seeds: int | None = None,
    budgets: Sequence[int] | None = None,
) -> list[Request]:
    """What a study consists of, seed 0 of everything first, so that any prefix is of use.

    A seed goes through the stages of `families.STUDY_ORDER`, a stage through the budgets.

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
        for stage in range(len(STUDY_ORDER)):
            chosen = [
                name
                for name in families
                if stage_of(name) == stage
                and (not FAMILIES[name].control or seed < scale.seeds_of(FAMILIES[name]))
            ]
            for name in chosen:
                if FAMILIES[name].rule is None:
                    requests.append(Request(scale, name, None, seed))
            for budget in budgets:
                for name in chosen:
                    if FAMILIES[name].rule is not None:
                        requests.append(Request(scale, name, budget, seed))
    return requests


def stage_of(family: str) -> int:
    """The first of `families.STUDY_ORDER` that a family is in; one that is in none comes last."""
    return next((i for i, names in enumerate(STUDY_ORDER) if family in names), len(STUDY_ORDER) - 1)


def check_families(families: Sequence[str]) -> None:
    """Raise PrunelibError for a family that there is not."""
    for name in families:
        if name not in FAMILIES:
            raise PrunelibError(f"unknown family {name!r}; choose one of: {', '.join(FAMILIES)}")


def check_budgets(scale: Scale, families: Sequence[str], budgets: Sequence[int]) -> None:
    """Refuse a budget that cannot be met before hours are spent on others."""
    shape, least, removals = scale.shape, scale.prune.stop_params or 0, scale.prune.removals
    if removals is not None:
        least = shape.params(largest_left(scale.base, removals))
        if COPYCAT in families and removals < copied_after(scale.base):
            raise PrunelibError(
                f"copycat: the profile after {copied_after(scale.base)} removals is copied, "
                f"and the pruning run of {scale.name} ends after {removals}"
            )
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


def found(requests: Sequence[Request], find: Find) -> list[tuple[Request, Record | None]]:
    """Each request of a plan with its record, or None while it is missing.

    Raises:
        PrunelibError: a record is damaged or of another version.
    """
    return [(request, request.record(find)) for request in requests]


def keep_orders(scale: Scale, store: Store, find: Find) -> None:
    """Keep the order of removals of all pruning runs on record: records may come from elsewhere.

    Raises:
        PrunelibError: a record is damaged, or the folder cannot be written.
    """
    links = (link for request in plan_study(scale) for link in (request, *request.needs))
    for request in dict.fromkeys(links):
        if FAMILIES[request.family].pruning is not None and request.scale == scale:
            record = request.record(find)
            if record is not None:
                store.keep_order(record)
