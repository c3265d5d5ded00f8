"""Where runs run: what every executor is, and what they share.

An executor takes specs as they become ready and hands back records as they finish.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prunelib.errors import PrunelibError
from prunelib.study.specs import Spec, key
from prunelib.study.store import Record, Store
from prunelib.text import one_line

if TYPE_CHECKING:
    from prunelib.training.machine import Machine
    from prunelib.training.source import Source

RETRIES = 2
"""How often a run is begun again whose worker was killed."""

Result = tuple[Spec, Record | PrunelibError]
ProgressCheck = Callable[[float], bool]
"""Told the work done of the runs in progress; says whether they shall go on."""


@dataclass(frozen=True)
class Setting:
    """What every run of a study shares."""

    store: Store
    machine: "Machine"
    root: "Path | Source | None" = None
    snapshots: tuple[int, ...] = ()

    def run(self, spec: Spec, progress: Callable[[int, int, str], None]) -> Record:
        """Make one run, here; see `runs.run`."""
        from prunelib.study.runs import run

        return run(spec, self.store, self.machine, self.root, progress, self.snapshots)


@dataclass
class Losses:
    """Counts the workers that each run has lost."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, spec: Spec) -> PrunelibError | None:
        """None if the run may be tried once more, else why not."""
        name = key(spec)
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.counts[name] <= RETRIES:
            return None
        return PrunelibError(
            f"run {name}: its process was killed {RETRIES + 1} times; is there enough memory?"
        )


def failure(error: BaseException) -> PrunelibError:
    """Why a run failed, in one line: another may still succeed."""
    if isinstance(error, PrunelibError):
        return error
    return PrunelibError(f"{type(error).__name__}: {one_line(error)}")


class Executor(Protocol):
    """Runs specs, `jobs` at a time."""

    jobs: int

    def submit(self, spec: Spec) -> None:
        """Queue a spec."""

    def results(self, tick: ProgressCheck) -> Iterator[Result]:
        """Wait about a second for runs that end; `tick` is told the work done of the others."""

    def close(self) -> None:
        """End all runs at once; what they had not finished is not recorded."""
