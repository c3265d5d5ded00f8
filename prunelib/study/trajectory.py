"""The way of a pruning run through profiles."""

from dataclasses import dataclass

from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.study.specs import PruneSpec
from prunelib.study.store import Record


@dataclass(frozen=True)
class Trajectory:
    """The profiles of a pruning run, and their sizes, from the unpruned network on."""

    full: ChannelProfile
    blocks: tuple[int | None, ...]
    params: tuple[int, ...]

    @classmethod
    def of(cls, record: Record) -> "Trajectory":
        """The trajectory of a pruning record."""
        assert isinstance(record.spec, PruneSpec)
        points = record.outcome["points"]
        return cls(record.spec.base.profile, tuple(points["block"]), tuple(points["params"]))

    def after(self, removals: int) -> ChannelProfile:
        """The profile after so many removals.

        Raises:
            PrunelibError: pruning did not come so far.
        """
        if removals >= len(self.blocks):
            raise PrunelibError(
                f"the pruning run ends after {len(self.blocks) - 1} removals, "
                f"and this network is the one after {removals}"
            )
        middle = list(self.full.middle)
        for block in self.blocks[:removals]:
            assert block is not None, "the network at the end loses no channel"
            middle[block - 1] -= 1
        return ChannelProfile(self.full.depth, self.full.width, tuple(middle))

    def at(self, budget: int) -> int | None:
        """Removals until at most `budget` parameters are left; None if that never happens."""
        return next((i for i, params in enumerate(self.params) if params <= budget), None)

    def reach(self, budget: int) -> int:
        """Removals until at most `budget` parameters are left.

        Raises:
            PrunelibError: pruning did not come so far.
        """
        removals = self.at(budget)
        if removals is None:
            raise PrunelibError(f"the pruning run does not come down to {budget:,} parameters")
        return removals
