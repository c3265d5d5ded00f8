"""A widget to walk through a pruning run."""

from collections.abc import Mapping

import traitlets

from prunelib.book.widgets.base import Widget, among, bounded, by_name, common, first_pruned, module
from prunelib.evidence.view import View, by_length
from prunelib.nets.profile import ChannelProfile


def player_data(view: View) -> dict:
    """What the player must know of a scale, as JSON: the pruning run of each seed that has one."""
    runs = {}
    for seed in range(view.scale.seeds):
        record = view.pruning(seed)
        if record is None:
            continue
        points = record.outcome["points"]
        runs[str(seed)] = {
            "order": points["block"][:-1],
            "channels": points["channel"][:-1],
            "errors": [e if e is None else round(e, 4) for e in points["error"]],
            "saliencies": [s if s is None else float(f"{s:.6g}") for s in points["saliency"][:-1]],
        }
    return common(view, "there is nothing to walk through") | {"runs": runs}


class Player(Widget):
    """A pruning run that a reader walks through; make one with `player_widget`.

    Traits, in step with what the reader does: `scale`, `seed` and `removals`.
    """

    _esm = module("prunelib.book.widgets.player.Player")

    removals = traitlets.Int(0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)

    @property
    def last(self) -> int:
        """Removals of the whole pruning run; 0 without one."""
        return self.removals_of(self.seed)

    @property
    def channel_profile(self) -> ChannelProfile:
        """The profile that is shown."""
        return self.records.trajectory(self.seed).after(self.removals)

    def __repr__(self) -> str:
        where = f"removals={self.removals} of {self.last}"
        return self._say(f"scale={self.scale!r}", f"seed={self.seed}", where)

    @traitlets.validate("seed")
    def _check_seed(self, proposal: traitlets.Bunch) -> int:
        runs = self.data["scales"][self.scale]["runs"]
        if runs:
            among(str(proposal.value), runs, "seed")
        return proposal.value

    @traitlets.validate("removals")
    def _check_removals(self, proposal: traitlets.Bunch) -> int:
        return bounded(proposal.value, 0, self.last, "removals")

    @traitlets.observe("scale", "seed")
    def _settle(self, change: traitlets.Bunch) -> None:
        runs = self.data["scales"][self.scale]["runs"]
        if runs and str(self.seed) not in runs:
            self.seed = int(next(iter(runs)))
        self.removals = min(self.removals, self.last)


def player_widget(records: View | Mapping[str, View], seed: int = 0) -> Player:
    """A widget to walk through all removals of a pruning run.

    Args:
        records: as for `explorer_widget`.
        seed: whose run is shown first; where it is missing, the widget says so.

    Raises:
        PrunelibError: there is no scale.
    """
    studies = by_name(records)
    data = {"scales": {name: player_data(study) for name, study in by_length(studies).items()}}
    return Player(studies, data=data, scale=first_pruned(studies, seed), seed=seed)
