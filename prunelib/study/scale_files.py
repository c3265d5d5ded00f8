"""Scales are TOML files: the project's, and those of one's own, used wherever the name of one is.

like = "mini"            # what is not said here is as there

[data]
path = "flowers"         # class folders, .npz or parquet, beside this file; or: name = "cifar100"
size = 16                # pixels a side

[base]
depth = 16
width = 1

[train]
epochs = 30
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prunelib.errors import PrunelibError
from prunelib.files import as_text, read_text
from prunelib.nets.inputs import SHAPES
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FIRST
from prunelib.study.scale import Scale
from prunelib.study.specs import DataSpec
from prunelib.text import MOST_COUNTED
from prunelib.training.protocols import PruneProtocol, TrainProtocol
from prunelib.training.source import HOLD_OUT, NAME, Source, load_source

RESERVED = ("benchmarks", "repeats", "your-network")
"""Folders of results that hold no scale."""
Seeds = Annotated[int, Field(ge=1, le=1_000)]
Many = Annotated[int, Field(ge=1, le=1_000_000)]
Params = Annotated[int, Field(ge=1, le=MOST_COUNTED)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class _Data(_Part):
    name: str | None = None
    path: str | None = None
    size: int | None = Field(None, ge=8, le=512)
    channels: int = 3
    image_column: str | None = None
    label_column: str | None = None
    hold_out: float = Field(HOLD_OUT, gt=0, lt=1)


class _Base(_Part):
    depth: int | None = None
    width: int | float | None = None


class _Updates(_Part):
    batch_size: Many | None = None
    lr: float | None = Field(None, gt=0)
    pad: int | None = Field(None, ge=0, le=512)
    flip: bool | None = None


class _Train(_Updates):
    epochs: int | None = Field(None, ge=1, le=100_000)
    momentum: float | None = Field(None, ge=0, le=1)
    weight_decay: float | None = Field(None, ge=0)


class _Prune(_Updates):
    steps: Many | None = None
    stop_params: Params | None = None
    removals: int | None = Field(None, ge=0, le=1_000_000)
    eval_every: Many | None = None


class _File(_Part):
    name: str | None = Field(None, pattern=r"^[\w-][\w.-]{0,63}$")
    like: str | None = None
    data: _Data = _Data()
    base: _Base = _Base()
    train: _Train = _Train()
    prune: _Prune = _Prune()
    families: list[str] | None = Field(None, min_length=1)
    budgets: list[Params] | None = Field(None, min_length=1, max_length=1_000)
    seeds: Seeds | None = None
    control_seeds: Seeds | None = None
    eval_every: Many | None = None
    long_seeds: Seeds | None = None
    flop_penalties: list[float] | None = Field(None, min_length=3, max_length=3)


_OF_A_SCALE = (
    "families",
    "budgets",
    "seeds",
    "control_seeds",
    "long_seeds",
    "eval_every",
    "flop_penalties",
)
"""What a file says of the scale itself, under the names that it has there."""


def read_scale(path: Path, known: Mapping[str, Scale]) -> Scale:
    """The scale in a TOML file, which is like one of the project's: `mini`, if it names no other.

    Its families are those of the first study: others rest on runs of the project's scales. Images
    of its own are read to know their classes, number and content.

    Raises:
        PrunelibError: the file or the images cannot be read, or a value does not fit; the message
            names it.
    """
    file = _parsed(path)
    name, like = file.name or as_text(path.stem), file.like or "mini"
    if name in known or name in RESERVED:
        what = "a scale" if name in known else "a folder of results"
        raise PrunelibError(f"{path}: {name} is {what} of the project; give it another name")
    if name.startswith("."):
        raise PrunelibError(f"{path}: {name} would be a hidden folder; give it a name: name = …")
    if like not in known:
        raise PrunelibError(f"{path}: like: unknown scale {like!r}")
    data, source = _data(file.data, known[like], path)
    return adapted(replace(known[like], families=FIRST), name, data, source, file)


def project_scale(path: Path, known: Mapping[str, Scale]) -> Scale:
    """A scale of the project. A file that is like no other says all that has no default."""
    file = _parsed(path)
    like = known[file.like] if file.like else _whole(file)
    return adapted(like, path.stem, like.data, None, file)


def _whole(file: _File) -> Scale:
    """What a file that is like no other begins with."""
    assert file.data.name
    assert file.data.size
    assert file.base.depth
    assert file.base.width
    assert file.budgets
    assert file.seeds
    assert file.flop_penalties
    return Scale(
        name="",
        data=DataSpec(file.data.name, file.data.size),
        base=ChannelProfile.full(file.base.depth, file.base.width),
        train=TrainProtocol(),
        prune=PruneProtocol(),
        budgets=tuple(file.budgets),
        seeds=file.seeds,
        flop_penalties=(0.0, 0.0, 0.0),
    )


def _parsed(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise PrunelibError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise PrunelibError(f"{path} is not TOML: it is nested too deep") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PrunelibError(f"{path}: {where}: {first['msg']}") from None


def _data(data: _Data, like: Scale, path: Path) -> tuple[DataSpec, Source | None]:
    size = data.size or like.data.image_size
    if data.path is None:
        name = data.name or like.data.name
        if name not in SHAPES:
            known = ", ".join(sorted(SHAPES))
            raise PrunelibError(f"{path}: data: unknown {name!r}: give a path, or one of {known}")
        full = SHAPES[name].image_size
        if size > full or full % size:
            raise PrunelibError(f"{path}: data.size: {name} has {full} pixels, not {size}")
        return DataSpec(name, size), None
    where = path.parent / data.path
    columns = data.image_column, data.label_column
    source = Source(where, *columns, data.hold_out, data.name or NAME)
    return identity(source, size, data.channels), source


def identity(source: Source, size: int, channels: int) -> DataSpec:
    """What the images of a source are."""
    return DataSpec.of(load_source(source, size, channels)[0])


def with_images(like: Scale, source: Source) -> Scale:
    """A scale of the project for images of one's own, with its own base network and training.

    Raises:
        PrunelibError: the images cannot be read, or labels do not fit.
    """
    shape = like.data.shape
    data = identity(source, shape.image_size, shape.in_channels)
    like = replace(like, families=FIRST)
    return adapted(like, f"{like.name}-{as_text(source.path.stem)}", data, source)


def adapted(
    like: Scale, name: str, data: DataSpec, source: Source | None, file: _File | None = None
) -> Scale:
    """A scale for other data, and for what a file says otherwise.

    Padding is an eighth of the image; budgets are shares of the base network's parameters, as in
    the scale that it is like.
    """
    file = file or _File()
    depth, width = file.base.depth or like.base.depth, file.base.width or like.base.width
    base = ChannelProfile.full(depth, width)
    pad = {"pad": max(1, data.image_size // 8)}
    train = like.train.lasting(file.train.epochs) if file.train.epochs else like.train
    train = replace(train, **pad | file.train.model_dump(exclude_none=True, exclude={"epochs"}))
    pruning = file.prune.model_dump(exclude_none=True)
    prune = replace(like.prune, **pad | pruning)
    smaller = data.shape.params(base) / like.shape.params(like.base)
    if not {"removals", "stop_params"} & set(pruning) and like.prune.stop_params:
        least = data.shape.params(base.scaled(0))
        prune = replace(prune, stop_params=max(least, round(like.prune.stop_params * smaller)))
    elif "removals" in pruning and "stop_params" not in pruning:
        prune = replace(prune, stop_params=None)
    said = file.model_dump(include=set(_OF_A_SCALE), exclude_none=True)
    budgets = [100 * round(n * smaller / 100) for n in like.budgets]
    said = {"budgets": budgets} | said
    said |= {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return replace(
        like, name=name, data=data, source=source, base=base, train=train, prune=prune, **said
    )
