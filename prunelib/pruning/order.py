"""The order of removals: which blocks lead from a profile to the end of a pruning run."""

from collections.abc import Sequence

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.training.protocols import PruneProtocol


def finished(params: int, removals: int, protocol: PruneProtocol) -> bool:
    """Whether pruning ends with so many parameters, after so many removals."""
    return removals == protocol.removals or params <= (protocol.stop_params or 0)


def sizes(
    order: Sequence[int], profile: ChannelProfile, shape: InputShape
) -> list[tuple[int, int]]:
    """Parameters and MACs of a network before each removal of an order, and at its end.

    Args:
        order: the block (from 1) that loses a channel, for each removal.
        profile: of the network before the first removal.
        shape: of the images.

    Raises:
        PrunelibError: there is no such block, or it has only one channel left.

    >>> from prunelib.nets.inputs import SHAPES
    >>> sizes([3], ChannelProfile.full(10, 0.25), SHAPES["digits"])
    [(5722, 88224), (5504, 87360)]
    """
    params, macs = shape.params(profile), shape.macs(profile)
    left, saved, found = list(profile.middle), {}, [(params, macs)]
    for number, block in enumerate(order, 1):
        if not 1 <= block <= len(left):
            raise PrunelibError(
                f"removal {number}: there is no block {block}; blocks are 1 to {len(left)}"
            )
        if left[block - 1] == 1:
            raise PrunelibError(f"removal {number}: block {block} has only one channel left")
        if block not in saved:
            # Each channel of a block is as large as any other.
            less = profile.without(block)
            saved[block] = shape.params(less), shape.macs(less)
        params -= found[0][0] - saved[block][0]
        macs -= found[0][1] - saved[block][1]
        left[block - 1] -= 1
        found.append((params, macs))
    return found


def check_order(
    order: Sequence[int], profile: ChannelProfile, protocol: PruneProtocol, shape: InputShape
) -> list[tuple[int, int]]:
    """The `sizes` along an order, if it leads to the end of a pruning run and no further.

    Raises:
        PrunelibError: it does not.
    """
    passed = sizes(order, profile, shape)
    for removals, (params, _) in enumerate(passed[:-1]):
        if finished(params, removals, protocol):
            raise PrunelibError(f"the run is over after {removals} of its {len(order)} removals")
    if not finished(passed[-1][0], len(order), protocol):
        raise PrunelibError(f"the run is not over after its {len(order)} removals")
    return passed
