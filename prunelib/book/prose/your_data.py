"""What the chapter on images of one's own says (Markdown)."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from prunelib.book.escape import code, markdown
from prunelib.evidence.recommendation import (
    clearly_better,
    error_text,
    measured_networks,
    rank_networks,
)
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FAMILIES
from prunelib.study.store import Record
from prunelib.text import counted, fixed

if TYPE_CHECKING:
    from prunelib.training.data import Dataset


COLUMNS = 78
"""Letters that a line of code has room for on a page."""


def forms(made: "Mapping[str, Dataset]") -> str:
    """A table of data sets by the form that they came in."""
    rows = ["| form | training images | test images | classes |", "|---|--:|--:|---|"]
    for name, data in made.items():
        classes = ", ".join(map(markdown, data.classes))
        rows.append(f"| {name} | {len(data.train.y):,} | {len(data.test.y):,} | {classes} |")
    return "\n".join(rows)


def lines(told: Sequence[str]) -> str:
    """What there is to tell of images, a line each."""
    return "\n".join(f"- {markdown(line)}" for line in told)


def printed(record: Mapping[str, Any]) -> str:
    """What a command printed, below the command, as a block of code; long lines are broken."""
    lines = [broken for line in record["printed"] for broken in wrap(line, COLUMNS) or [""]]
    quoted = "\n".join([f"$ {record['command']}", "", *lines]).replace("`", "'")
    return f"```text\n{quoted}\n```"


def planned_networks(found: Mapping[str, ChannelProfile], shape: InputShape) -> str:
    """A table of the networks that are going to be trained."""
    rows = [
        "| network | channels inside the blocks | parameters | multiply-accumulates |",
        "|---|---|--:|--:|",
    ]
    for family, profile in found.items():
        channels = ", ".join(map(str, profile.middle))
        rows.append(
            f"| {FAMILIES[family].title} | {channels} | {shape.params(profile):,} | "
            f"{shape.macs(profile):,} |"
        )
    return "\n".join(rows)


def outcomes(records: Mapping[str, Sequence[Record]], images: int, classes: int, all_: bool) -> str:
    """What the networks came to: all errors, which differ between processors, or what does not."""
    networks = rank_networks(measured_networks(records, images, {}))
    best, *others = networks
    chance = 100 * (1 - 1 / classes)
    better = "better" if best.interval[1] < chance else "no better"
    said = (
        f"{counted(len(networks), 'network')} trained; the best is {better} than guessing, which "
        f"is wrong for {fixed(chance, 0)}% of the images."
    )
    if not all_:
        return f"{said} With {code('-p scale smoke')} this page shows the errors."
    rows = ["| network | error (95% interval) | parameters |", "|---|--:|--:|"]
    rows += [f"| {FAMILIES[n.family].title} | {error_text(n)} | {n.params:,} |" for n in networks]
    equal = [FAMILIES[n.family].title.lower() for n in others if not clearly_better(best, n)]
    title = FAMILIES[best.family].title.lower()
    sure = f"It cannot be told from: {', '.join(equal)}." if equal else "That is clear."
    return "\n".join([*rows, "", f"{said} Take: {title}. {sure}"])
