"""Run records: one small JSON file a run, named by the key of its spec, never half-written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.files import write_atomically
from prunelib.study import specs
from prunelib.study.specs import PruneSpec, Spec

VERSION = 1
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

    def path(self, spec: Spec) -> Path:
        """Where the record of a spec is, or would be."""
        return self.folder / f"{specs.key(spec)}.json"

    def weights(self, spec: Spec) -> Path:
        """Where the final weights of a spec are, or would be."""
        return self.folder / "weights" / f"{specs.key(spec)}.safetensors"

    def pruned_weights(self, spec: Spec, removals: int) -> Path:
        """Where the weights of a pruning run after some removals are, or would be."""
        return self.folder / "weights" / f"{specs.key(spec)}-{removals}.safetensors"

    def checkpoint(self, spec: Spec) -> Path:
        """Where an unfinished pruning run keeps its state."""
        return self.folder / "weights" / f"{specs.key(spec)}.checkpoint"

    def order_path(self, spec: Spec) -> Path:
        """Where a pruning run keeps the block of each removal; it outlives the record."""
        return self.folder / "orders" / f"{specs.key(spec)}.json"

    def order(self, spec: Spec) -> list[int] | None:
        """The block of each removal of a pruning run when it was first made; None if it never was.

        Raises:
            PrunelibError: the file is damaged.
        """
        path = self.order_path(spec)
        try:
            blocks = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            blocks = None
        if not isinstance(blocks, list) or any(type(block) is not int for block in blocks):
            raise PrunelibError(f"{damaged(path)}: it is not a list of blocks")
        return blocks

    def keep_order(self, record: Record) -> None:
        """Keep the block of each removal of a pruning run, if it is not kept yet.

        Raises:
            PrunelibError: the folder cannot be written, or the disk is full.
        """
        blocks = [block for block, _ in removed(record)]
        path, content = self.order_path(record.spec), json.dumps(blocks).encode() + b"\n"
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)

    def find(self, spec: Spec) -> Record | None:
        """The record of a spec, or None if there is none.

        Raises:
            PrunelibError: there is a file, but it is not a record of this version and spec.
        """
        return self.named(specs.key(spec), spec)

    def named(self, key: str, spec: Spec) -> Record | None:
        """The record of a spec whose key is known; otherwise as `find`."""
        path = self.folder / f"{key}.json"
        return read(path, spec) if path.exists() else None

    def records(self) -> Iterator[Record]:
        """All records, in the order of their keys."""
        for path in sorted(self.folder.glob("*.json")):
            yield read(path)

    def put(self, record: Record) -> None:
        """Write a record, and before it the order of its removals.

        Raises:
            PrunelibError: the folder cannot be written, the disk is full, or a number is not
                finite.
        """
        fields = {
            "version": VERSION,
            "key": record.key,
            "spec": specs.to_dict(record.spec),
            "outcome": record.outcome,
            "circumstances": record.circumstances,
        }
        try:
            text = json.dumps(fields, allow_nan=False)
        except ValueError as error:
            raise PrunelibError(f"{self.path(record.spec)} is not written: {error}") from None
        if isinstance(record.spec, PruneSpec):
            self.keep_order(record)
        write_atomically(self.path(record.spec), folded(text).encode())

    def check_writable(self) -> None:
        """Raise PrunelibError unless records can be written here: better now than after hours."""
        probe = self.folder / f".probe-{id(self)}"
        write_atomically(probe, bytes(PROBE))
        probe.unlink()


def removed(record: Record) -> list[tuple[int, int]]:
    """What a pruning run removed: (block from 1, channel in the unpruned network from 0)."""
    points = record.outcome["points"]
    return list(zip(points["block"], points["channel"], strict=True))[:-1]


def damaged(path: Path) -> str:
    """Which order cannot be followed, and what to do; the folder may be another machine's."""
    what_to_do = "get it back, or delete it and the run chooses anew"
    return f"orders/{path.name} cannot be followed ({what_to_do})"


def folded(text: str) -> str:
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


def read(path: Path, spec: Spec | None = None) -> Record:
    """Read one record.

    With the `spec` whose record it should be, its fields need not be checked one by one.

    Raises:
        PrunelibError: it cannot be read, is not JSON, of another version, incomplete, or stands
            under the name of another spec.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PrunelibError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise PrunelibError(
            f"{path} is not JSON ({error}); delete it and run the study again"
        ) from None
    if not isinstance(fields, dict) or fields.get("version") != VERSION:
        found = fields.get("version") if isinstance(fields, dict) else None
        raise PrunelibError(
            f"{path} is a record of version {found}, this is version {VERSION}; "
            "delete it and run the study again"
        )
    for part in ("spec", "outcome", "circumstances"):
        if not isinstance(fields.get(part), dict):
            raise PrunelibError(f"{path} has no {part}; delete it and run the study again")
    if spec is not None and fields["spec"] == specs.to_dict(spec):
        return Record(spec, fields["outcome"], fields["circumstances"])
    try:
        record = Record(specs.from_dict(fields["spec"]), fields["outcome"], fields["circumstances"])
    except PrunelibError as error:
        raise PrunelibError(f"{path}: {error}") from None
    if record.key != path.stem:
        raise PrunelibError(f"{path} holds the run {record.key}; name it so, or delete it")
    return record
