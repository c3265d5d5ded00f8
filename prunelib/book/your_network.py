"""What the chapter on networks of your own shows and says: layers, trajectories, a comparison.

`python benchmarks/your_network.py` makes the record. It is of one machine and says which.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from prunelib.book import figures
from prunelib.book.prose.words import spread
from prunelib.book.speed import provenance
from prunelib.errors import Missing, PrunelibError
from prunelib.pruning.any_network.layers import Layer
from prunelib.pruning.loop import Point
from prunelib.text import counted

FAMILIES = {"pruned": "pruned-and-tuned", "narrower": "reduced-width"}
DATA = {"cifar10": "CIFAR-10", "digits": "handwritten digits"}


def read(results: str | Path) -> dict:
    """The record of `benchmarks/your_network.py`.

    Raises:
        Missing: it has not been run.
        PrunelibError: the record is damaged.
    """
    path = Path(results) / "your-network" / "resnet18.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        command = "python benchmarks/your_network.py"
        raise Missing(f"{path} is not there; measure it with: {command}") from None
    except (OSError, ValueError) as error:
        raise PrunelibError(f"{path} is not a record of this benchmark: {error}") from None


def layers(found: Sequence[Layer]) -> str:
    """A table of the convolutions of a network: which can lose channels, and why others cannot."""
    lines = [
        "| number | convolution | channels | read by | left alone, because |",
        "|--|--|--|--|--|",
    ]
    for layer in found:
        cells = (
            layer.number or "–",
            f"`{layer.name}`",
            layer.channels,
            f"`{layer.reader}`" if layer.number else "–",
            layer.reason or "",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def networks(record: dict) -> pd.DataFrame:
    """One row a network: the bases, pruned ones, and narrower ones of the same size."""
    rows = []
    for run in record["runs"]:
        rows.append({"family": "base", "budget": None, "seed": run["seed"], **run["base"]})
        for pair in run["compared"]:
            budget = int(pair["share"] * run["base"]["params"])
            for kind, family in FAMILIES.items():
                row = {"family": family, "budget": budget, "seed": run["seed"], **pair[kind]}
                rows.append(row)
    return pd.DataFrame(rows)


def walks(record: dict) -> pd.DataFrame:
    """One row a removal of each pruning run."""
    frames = [pd.DataFrame(run["points"]).assign(seed=run["seed"]) for run in record["runs"]]
    return pd.concat(frames, ignore_index=True)


def trajectory(record: dict) -> go.Figure:
    """Test error along the pruning runs."""
    return made(figures.trajectory(walks(record)), circumstances(record))


def walk(points: Sequence[Point]) -> go.Figure:
    """The same of a run on a page, at scale smoke."""
    frame = pd.DataFrame([asdict(point) for point in points]).assign(seed=0)
    return made(figures.trajectory(frame), "Scale smoke: the network of this page, on the digits.")


def compared(record: dict) -> go.Figure:
    """Pruned networks and narrower ones: error against parameters."""
    families = ("base", *FAMILIES.values())
    figure = figures.error_against(networks(record), walks(record), families=families)
    return made(figure, circumstances(record))


def made(figure: go.Figure, where: str) -> go.Figure:
    """A figure whose description says where it is from."""
    meta = figure.layout.meta
    return figure.update_layout(meta=meta | {"alt": f"{meta['alt']} {where}"})


def circumstances(record: dict) -> str:
    """What was measured, and on what."""
    run = record["runs"][0]
    share = next(layer["channels"] for layer in run["layers"] if layer["number"]) / 64
    return (
        f"ResNet-18 with {share:.0%} of its channels ({run['base']['params']:,} parameters), "
        f"{DATA[record['images']]} at {record['size']}×{record['size']} pixels, trained for "
        f"{counted(record['epochs'], 'epoch')}, {counted(record['steps'], 'update')} a removal. "
        f"{provenance(record)}"
    )


def answer(record: dict) -> str:
    """Which is better, pruned or narrower, at each size and in all."""
    rows = networks(record)
    lines, less = [], []
    for budget, group in rows.dropna(subset="budget").groupby("budget", sort=False):
        by_family = {name: frame.set_index("seed") for name, frame in group.groupby("family")}
        pruned, narrower = (by_family[name] for name in FAMILIES.values())
        less += list(narrower["error"] < pruned["error"])
        work = (narrower["macs"] / pruned["macs"]).mean()
        share = budget / rows["params"].max()
        lines.append(
            f"- At {share:.0%} of the parameters the pruned network has an error of "
            f"**{spread(pruned['error'])}**, the narrower one of "
            f"**{spread(narrower['error'])}**, with {work:.2f} times its multiply-accumulates."
        )
    return "\n".join([f"**{verdict(less)}**", "", *lines, "", circumstances(record)])


def verdict(less: Sequence[bool]) -> str:
    """Which to take, if the narrower network had less error in these comparisons."""
    wins, count = sum(less), len(less)
    if wins == count:
        return f"Train a narrower one: it had less error in all {count} comparisons."
    if wins == 0:
        return f"Prune it: the pruned network had no more error in all {count} comparisons."
    return f"It depends: the narrower network had less error in {wins} of {count} comparisons."
