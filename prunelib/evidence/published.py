"""Errors on CIFAR-10 that others published, for comparison at the paper's own scale."""

from typing import NamedTuple


class Published(NamedTuple):
    """A published network: parameters, test error in per cent, and where that stands."""

    name: str
    params: int
    error: float
    source: str


COPYCATS = (
    Published("copycat", 800_000, 5.66, "Crowley et al. (2018), 3.2"),
    Published("copycat", 500_000, 6.35, "Crowley et al. (2018), 3.2"),
)
# SNIP's counts are of single weights that are not zero: no hardware gets faster by them.
SNIP = (
    Published("SNIP", 858_000, 5.85, "Lee et al. (2019), as cited by Crowley et al. (2018), 3.2"),
    Published("SNIP", 548_000, 6.63, "Lee et al. (2019), as cited by Crowley et al. (2018), 3.2"),
)
