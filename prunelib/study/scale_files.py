"""Scales of one's own: a TOML file, used wherever the name of a scale is.

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
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES
from prunelib.nets.profile import ChannelProfile
from prunelib.study.plan import SCALES, Scale
from prunelib.study.specs import DataSpec
from prunelib.training.source import HOLD_OUT, NAME, Source, load_source


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


class _Train(_Part):
    epochs: int | None = Field(None, ge=1)
    batch_size: int | None = Field(None, ge=1)
    lr: float | None = Field(None, gt=0)
    momentum: float | None = None
    weight_decay: float | None = None
    pad: int | None = Field(None, ge=0)
    flip: bool | None = None


class _Prune(_Part):
    steps: int | None = Field(None, ge=1)
    batch_size: int | None = Field(None, ge=1)
    lr: float | None = Field(None, gt=0)
    stop_params: int | None = None
    removals: int | None = None
    eval_every: int | None = Field(None, ge=1)
    pad: int | None = Field(None, ge=0)
    flip: bool | None = None


class _File(_Part):
    name: str | None = Field(None, pattern=r"^[\w.-]{1,64}$")
    like: str = "mini"
    data: _Data = _Data()
    base: _Base = _Base()
    train: _Train = _Train()
    prune: _Prune = _Prune()
    budgets: list[int] | None = None
    seeds: int | None = Field(None, ge=1)


def read_scale(path: Path) -> Scale:
    """The scale in a TOML file.

    Images of its own are read to know their classes, number and content.

    Raises:
        PrunelibError: the file or the images cannot be read, or a value does not fit; the message
            names it.
    """
    file = _parsed(path)
    name = file.name or path.stem
    if name in SCALES:
        raise PrunelibError(f"{path}: {name} is a scale of the project; give it another name")
    if file.like not in SCALES:
        raise PrunelibError(f"{path}: like: unknown scale {file.like!r}")
    like = SCALES[file.like]
    data, source = _data(file.data, like, path)
    return adapted(like, name, data, source, file)


def _parsed(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PrunelibError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PrunelibError(f"{path} is not TOML: {error}") from None
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
    return adapted(like, f"{like.name}-{source.path.stem}", data, source)


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
    said = file.prune.model_dump(exclude_none=True)
    prune = replace(like.prune, **pad | said)
    smaller = data.shape.params(base) / like.shape.params(like.base)
    if not {"removals", "stop_params"} & set(said) and prune.stop_params:
        least = data.shape.params(base.scaled(0))
        prune = replace(prune, stop_params=max(least, round(like.prune.stop_params * smaller)))
    elif "removals" in said and "stop_params" not in said:
        prune = replace(prune, stop_params=None)
    budgets = tuple(file.budgets or (100 * round(n * smaller / 100) for n in like.budgets))
    return replace(
        like,
        name=name,
        data=data,
        source=source,
        base=base,
        train=train,
        prune=prune,
        budgets=budgets,
        seeds=file.seeds or like.seeds,
    )
