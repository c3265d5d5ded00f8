"""What commands share: types of values, and groups of options that arrive as one object."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunelib import text as units
from prunelib.errors import PrunelibError
from prunelib.files import read_text

if TYPE_CHECKING:
    from prunelib.nets.profile import ChannelProfile
    from prunelib.study.executors.base import Setting
    from prunelib.study.scale import Scale
    from prunelib.study.store import Store
    from prunelib.training.machine import Machine


class ParsedType(click.ParamType):
    """An option's type, from a function that raises PrunelibError."""

    def __init__(self, name: str, convert: Callable[[str], object]) -> None:
        self.name, self.function = name, convert

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Apply the function to text; what is not text is converted already."""
        return self.function(value) if isinstance(value, str) else value


class Told(click.Option):
    """An option whose help is made when it is shown, from what there is then."""

    def __init__(self, *names: Any, told: Callable[[], str], **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.told = told

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Name and help."""
        self.help = self.told()
        return super().get_help_record(ctx)


COUNT = ParsedType("count", units.count)
COUNTS = ParsedType("counts", units.counts)
NAMES = ParsedType("names", lambda text: tuple(part.strip() for part in text.split(",")))
DURATION = ParsedType("duration", units.duration)
SEED = click.IntRange(0, 2**31 - 1)
MANY = 1_000_000
"""The greatest number of removals, or of steps between them, that one may ask for."""
PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class Selection:
    """Which part of a study is meant; None: all of it."""

    families: tuple[str, ...] | None
    seeds: int | None
    budgets: tuple[int, ...] | None


@dataclass(frozen=True)
class Places:
    """Where records and data are, and what computes."""

    named: Path | None
    data: Path | None
    device: str | None
    precision: str | None
    threads: int

    @property
    def results(self) -> Path:
        """The folder to keep records in.

        Raises:
            PrunelibError: it is not a folder, or a foreign one that nobody named.
        """
        from prunelib.study.folder import results_to_write

        return results_to_write(self.named)

    @property
    def readable(self) -> Path:
        """The folder to read records from; without one, that of the package.

        Raises:
            PrunelibError: the folder that was named is not there.
        """
        from prunelib.study.folder import PACKAGED, find_results

        return find_results(self.named, PACKAGED)

    def machine(self) -> "Machine":
        """How runs compute here."""
        from prunelib.training.machine import Machine

        return Machine.here(self.device, self.threads, self.precision)

    def store(self, scale: "Scale") -> "Store":
        """The store of a scale, once it is sure that the data are there and records can be kept."""
        from prunelib.study.store import Store
        from prunelib.training.data import find_cifar10

        if scale.data.name == "cifar10":
            find_cifar10(self.data)
        tell_images(scale, self.data)
        store = Store(self.results / scale.name)
        store.check_writable()
        return store

    def setting(self, scale: "Scale", budgets: Sequence[int] = ()) -> "Setting":
        """What the runs of a scale share, once it is sure that they can run.

        Pruning runs keep their weights at the scale's budgets, and at others that are asked for.
        """
        from prunelib.study.executors.base import Setting

        machine = self.machine()
        return Setting(self.store(scale), machine, scale.root(self.data), snapshots(scale, budgets))


@dataclass(frozen=True)
class Workers:
    """Where the runs of a study run, and how many at a time."""

    jobs: int | None
    executor: str
    ray_address: str | None
    runs_per_gpu: int | None


def check_not_built_in(scale: "Scale", data: Path | None) -> None:
    """Raise PrunelibError if images are named that a scale would not use: its own are built in."""
    if data is not None and scale.source is None and scale.data.name == "digits":
        raise PrunelibError(
            f"{scale.name} has images built in and would not use {data}: leave --data out, or "
            f"give, in place of {scale.name}, a file NAME.toml of three lines: "
            f'like = "smoke", [data], path = "{os.path.abspath(data)}"'
        )


def tell_images(scale: "Scale", data: Path | None) -> None:
    """Say on stderr how many images there are, and what was done to them; own images only."""
    if scale.source is None:
        return
    from prunelib.training.source import load_source

    shape = scale.data.shape
    for line in load_source(scale.root(data), shape.image_size, shape.in_channels)[1]:
        click.echo(line, err=True)


def snapshots(scale: "Scale", budgets: Sequence[int]) -> tuple[int, ...]:
    """The sizes at which pruning runs keep their weights."""
    return tuple(sorted({*scale.budgets, *budgets}))


def gathered(name: str, kind: type, *options: Callable) -> Callable:
    """A decorator: adds options to a command, which receives their values as one `kind`."""
    names = [field.name for field in fields(kind)]

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def command(**given: object) -> object:
            values = kind(**{n: given.pop(n) for n in names})
            return function(**given, **{name: values})

        return functools.reduce(lambda f, option: option(f), reversed(options), command)

    return decorate


RESULTS_HELP = (
    "Folder with the records.  [default: the nearest folder `results` with some, here or above]"
)
results_option = click.option("--results", type=PATH, help=RESULTS_HELP)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="For programs: one line of JSON."
)
AT_ONCE = click.IntRange(1, 1_024)
"""Threads, or runs."""
places = gathered(
    "places",
    Places,
    click.option("--threads", type=AT_ONCE, default=1, show_default=True, help="Threads of a run."),
    click.option("--results", "named", type=PATH, help=RESULTS_HELP),
    click.option(
        "--data", type=PATH, help="Folder with CIFAR-10.  [default: PRUNELIB_DATA, else data]"
    ),
    click.option("--device", help="cpu, cuda or cuda:N.  [default: a GPU if there is one]"),
    click.option(
        "--precision",
        type=click.Choice(["bfloat16", "float32"]),
        help="Number format of convolutions and products.  [default: bfloat16 where it is fast]",
    ),
)
selection = gathered(
    "selection",
    Selection,
    click.option("--families", type=NAMES, help="Only these families, separated by commas."),
    click.option(
        "--seeds", type=click.IntRange(1, 1_000), help="Number of seeds.  [default: the scale's]"
    ),
    click.option("--budgets", type=COUNTS, help="Parameter budgets, such as 80k,200k."),
)
workers = gathered(
    "workers",
    Workers,
    click.option(
        "--jobs",
        type=AT_ONCE,
        help="Runs at a time.  [default: one per core, one on a GPU; on Ray, all that fit]",
    ),
    click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Where to run: on this machine, or on the Ray cluster that it is part of.",
    ),
    click.option(
        "--ray-address",
        envvar="RAY_ADDRESS",
        help="HOST:PORT of the cluster.  [default: RAY_ADDRESS]",
    ),
    click.option(
        "--runs-per-gpu",
        type=click.IntRange(1, 100),
        help="On Ray, how many runs share a GPU.  [default: 4]",
    ),
)


def read_profile(path: Path) -> "ChannelProfile":
    """The channel profile in a file.

    Raises:
        PrunelibError: it cannot be read, or is not a profile.
    """
    from prunelib.nets.profile import ChannelProfile

    return ChannelProfile.from_json(read_text(path))
