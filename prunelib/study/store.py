"""Run records: one small JSON file per run, named by the key of its spec, never half-written."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.files import parsed_json, read_text, read_value, write_atomically
from prunelib.pruning.order import check_order
from prunelib.study import specs
from prunelib.study.outcome_checks import check_outcome, shape_of
from prunelib.study.specs import PruneSpec, Spec, TrainSpec

VERSION = 1
WHAT_TO_DO = "get it back, or delete it and the run chooses anew"
AGAIN = "get it back, or delete it and run the study again"
PROBE = 2**20
"""Bytes that must be free before a run begins: about what one keeps."""


@dataclass(frozen=True)
class Record:
    """What a run was asked, what came out, and under which circumstances.

    `outcome` has `params`, `macs`, `error` (per cent, final), `images_seen`, `training_macs`,
    `seconds` of training, `evaluation_seconds`, and the columns of `epochs` (training) or `points`
    (pruning). `circumstances` has hardware, versions, threads, precision and time.
    """

    spec: Spec
    outcome: dict
    circumstances: dict

    @property
    def key(self) -> str:
        """The key of the spec."""
        return specs.key(self.spec)


@dataclass(frozen=True)
class Store:
    """The records of one scale in `folder`, orders of removals, and weights, which git ignores."""

    folder: Path

    def beside(self, scale: str) -> "Store":
        """The store of another scale in the same folder of results."""
        return Store(self.folder.with_name(scale))

    def path(self, spec: Spec) -> Path:
        """Where the record of a spec is, or would be."""
        return self.folder / f"{specs.key(spec)}.json"

    def weights(self, spec: Spec) -> Path:
        """Where the final weights of a spec are, or would be."""
        return self.folder / "weights" / f"{specs.key(spec)}.safetensors"

    def released(self, spec: Spec) -> Path:
        """Where the weights of a spec are if they are released with the records."""
        return self.folder / "released" / f"{specs.key(spec)}.safetensors"

    def pruned_weights(self, spec: Spec, removals: int) -> Path:
        """Where the weights of a pruning run after some removals are, or would be."""
        return self.folder / "weights" / f"{specs.key(spec)}-{removals}.safetensors"

    def checkpoint(self, spec: Spec) -> Path:
        """Where an unfinished pruning run keeps its state."""
        return self.folder / "weights" / f"{specs.key(spec)}.checkpoint"

    def order_path(self, spec: Spec) -> Path:
        """Where a pruning run keeps the block of each removal; it outlives the record."""
        return self.folder / "orders" / f"{specs.key(spec)}.json"

    def order(self, spec: PruneSpec) -> list[int] | None:
        """The block of each removal of a pruning run when it was first made; None if it never was.

        Raises:
            PrunelibError: the file is damaged.
        """
        path = self.order_path(spec)
        if not os.path.lexists(path):
            return None
        try:
            blocks = read_order(path)
            check_order(blocks, spec.base.profile, spec.protocol, shape_of(spec.base.data))
        except PrunelibError as error:
            raise PrunelibError(
                f"orders/{path.name} cannot be followed ({WHAT_TO_DO}): {error}"
            ) from None
        return blocks

    def keep_order(self, record: Record) -> None:
        """Keep the block of each removal of a pruning run, if it is not kept yet.

        The order is the column `block` of the record. It has a file of its own as well, written
        here alone, because nobody says beforehand that a record will go: once it is deleted or
        lost, only this file tells which profiles other runs took over from it.

        Raises:
            PrunelibError: another order is kept, the folder cannot be written, or the disk is full.
        """
        if not self.has_order(record):
            blocks = [block for block, _ in removed(record)]
            write_atomically(self.order_path(record.spec), json.dumps(blocks).encode() + b"\n")

    def has_order(self, record: Record) -> bool:
        """Whether the order of a pruning run is kept, undamaged.

        Raises:
            PrunelibError: another order is kept: it or the record is damaged.
        """
        assert isinstance(record.spec, PruneSpec)
        blocks = [block for block, _ in removed(record)]
        try:
            if read_order(self.order_path(record.spec)) == blocks:
                return True
            self.order(record.spec)
        except PrunelibError:
            return False
        raise PrunelibError(
            f"{self.path(record.spec)} and orders/{record.key}.json are of different runs; "
            "get the right one back, and delete the other"
        )

    def find(self, spec: Spec) -> Record | None:
        """The record of a spec, or None if there is none.

        Raises:
            PrunelibError: there is a file, but it is not a record of this version and spec.
        """
        return self.named(specs.key(spec), spec)

    def named(self, key: str, spec: Spec) -> Record | None:
        """The record of a spec whose key is known; otherwise as `find`."""
        path = self.folder / f"{key}.json"
        if not os.path.lexists(path):
            return None
        record = read_record(path, spec)
        if isinstance(record.spec, PruneSpec):
            self.has_order(record)
        return record

    def records(self) -> Iterator[Record]:
        """All records, in the order of their keys."""
        for path in sorted(self.folder.glob("*.json")):
            yield read_record(path)

    def put(self, record: Record) -> None:
        """Write a record, and before it the order of its removals.

        Raises:
            PrunelibError: the folder cannot be written, the disk is full, or this cannot be the
                outcome of such a run.
        """
        try:
            check_outcome(record.spec, record.outcome, record.circumstances)
        except PrunelibError as error:
            raise PrunelibError(f"{self.path(record.spec)} is not written: {error}") from None
        fields = {
            "version": VERSION,
            "key": record.key,
            "spec": specs.to_dict(record.spec),
            "outcome": record.outcome,
            "circumstances": record.circumstances,
        }
        text = json.dumps(fields, allow_nan=False)
        if isinstance(record.spec, PruneSpec):
            self.keep_order(record)
        write_atomically(self.path(record.spec), two_level_json(text).encode())

    def check_writable(self) -> None:
        """Raise PrunelibError unless records can be written here: better now than after hours.

        The folders of orders and weights may be somebody else's, or no folders.
        """
        within = [self.folder / name for name in ("orders", "weights")]
        for folder in (self.folder, *filter(os.path.lexists, within)):
            probe = folder / f".probe-{id(self)}"
            write_atomically(probe, bytes(PROBE))
            # Of two processes with equal addresses one is first.
            probe.unlink(missing_ok=True)


def files_read(spec: Spec, store: Store) -> list[Path]:
    """The files of a store that a run uses if they are there."""
    base: TrainSpec | None
    own: list[Path]
    if isinstance(spec, TrainSpec) and spec.start is None:
        base, own = spec.teacher.base if spec.teacher else None, []
    elif isinstance(spec, TrainSpec):
        assert spec.start is not None
        pruning, removals = spec.start.pruning, spec.start.removals
        base = pruning.base
        own = [
            store.path(pruning),
            store.order_path(pruning),
            store.pruned_weights(pruning, removals),
        ]
    else:
        base, own = spec.base, [store.checkpoint(spec), store.order_path(spec)]
    files = [*([store.path(base), store.weights(base)] if base else []), *own]
    return [path for path in files if path.exists()]


def removed(record: Record) -> list[tuple[int, int]]:
    """What a pruning run removed: (block from 1, channel in the unpruned network from 0)."""
    points = record.outcome["points"]
    return list(zip(points["block"], points["channel"], strict=True))[:-1]


def read_order(path: Path) -> list[int]:
    """The blocks in a file of an order.

    Raises:
        PrunelibError: there are none.
    """
    try:
        blocks = parsed_json(read_text(path))
    except ValueError:
        blocks = None
    if not isinstance(blocks, list) or any(type(block) is not int for block in blocks):
        raise PrunelibError("it is not a list of blocks")
    return blocks


def two_level_json(text: str) -> str:
    """JSON with a line for each of the two outer levels, so that a diff shows what changed."""
    lines = ["{"]
    top = json.loads(text)
    for i, (name, value) in enumerate(top.items()):
        comma = "," if i < len(top) - 1 else ""
        if isinstance(value, dict):
            inner = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            lines += [f"  {json.dumps(name)}: {{", ",\n".join(inner), f"  }}{comma}"]
        else:
            lines.append(f"  {json.dumps(name)}: {json.dumps(value)}{comma}")
    return "\n".join([*lines, "}", ""])


def read_record(path: Path, spec: Spec | None = None) -> Record:
    """Read one record.

    Args:
        path: of the file, whose name is the key of its spec.
        spec: whose record it should be, if that is known.

    Raises:
        PrunelibError: it cannot be read, is not JSON, of another version, stands under the name of
            another spec, or is not what such a run can have found; names file and field.
    """
    fields = read_value(path, "JSON", f"; {AGAIN}")
    if not isinstance(fields, dict) or fields.get("version") != VERSION:
        found = fields.get("version") if isinstance(fields, dict) else None
        found = found if type(found) is int and abs(found) < 10**9 else None
        raise PrunelibError(
            f"{path} is a record of version {found}, this is version {VERSION}; {AGAIN}"
        )
    for part in ("spec", "outcome", "circumstances"):
        if not isinstance(fields.get(part), dict):
            raise PrunelibError(f"{path} has no {part}; {AGAIN}")
    try:
        # The spec of a record that is looked for need not be read field by field.
        if spec is None or fields["spec"] != specs.to_dict(spec):
            spec = specs.from_dict(fields["spec"])
            if specs.key(spec) != path.stem:
                raise PrunelibError(f"it holds the run {specs.key(spec)}, not that of its name")
        if fields.get("key", path.stem) != path.stem:
            raise PrunelibError("key: it is not that of its name")
        check_outcome(spec, fields["outcome"], fields["circumstances"])
    except PrunelibError as error:
        raise PrunelibError(f"{path}: {error}; {AGAIN}") from None
    return Record(spec, fields["outcome"], fields["circumstances"])
