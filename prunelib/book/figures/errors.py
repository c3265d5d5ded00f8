"""Test error against size, work, time and epochs."""

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.style import (
    STYLES,
    describe_figure,
    log_ticks,
    require_rows,
    trace,
    whiskers,
)
from prunelib.errors import Missing
from prunelib.evidence.benchmarks import with_times
from prunelib.evidence.statistics import mean
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES, MAIN, PRUNED
from prunelib.text import counted, fixed, rounded, short

AXES = {
    "params": "parameters",
    "macs": "multiply-accumulates per image",
    "ms": "milliseconds per image, on one thread",
    "training_macs": "multiply-accumulates of training",
    "total_macs": "multiply-accumulates spent in all",
}
NUMBERS = dict.fromkeys(AXES, ",.0f") | {
    "ms": ".3~g",
    "training_macs": ".4~s",
    "total_macs": ".4~s",
}
"""How a value on an axis is written, in the notation of d3."""
APART = ("params", "macs", "ms")
"""The axes on which points are far enough apart to have numbers beside them."""
ALONG = ("params", "macs")
"""The axes on which the way of a pruning run can be drawn."""


def error_against(
    networks: pd.DataFrame,
    trajectories: pd.DataFrame,
    x: str = "params",
    families: Sequence[str] = MAIN,
    epochs: float | None = None,
) -> go.Figure:
    """Test error of every family against its size (the paper's figure 1).

    Markers are means over seeds, whiskers reach from the best to the worst seed. The trajectory of
    each pruning run is a thin line. Of those families that were trained for longer the best one
    has its epochs beside its points; at one size all were trained for as long.

    Args:
        networks: of `tables.networks`; for `ms`, of `benchmarks.with_times`.
        trajectories: of `tables.trajectories`.
        x: one of `AXES`.
        families: those to show.
        epochs: of the base network's training, if known.

    Raises:
        Missing: there are no such networks.
    """
    if x not in networks:
        raise Missing("there are no times of these networks")
    seen = base_images(networks)
    networks = networks[networks["family"].isin(families)].dropna(subset=[x])
    require_rows(networks[networks["family"] != "base"])
    figure = go.Figure()
    if x in ALONG and PRUNED in families:
        add_ways(figure, trajectories, x)
    means = by_family(networks, x)
    lengths = [epochs * n / seen if epochs and seen else None for n in means["images"]]
    means = means.assign(epochs=pd.Series(lengths, means.index, dtype=float))
    numbered = longer_and_best(means) if x in APART else None
    for name in [name for name in families if name in set(means["family"])]:
        own = means[means["family"] == name]
        add_means(figure, name, own, x, "%{y:.2f}% error", name == numbered)
    figure.update_layout(xaxis_title=AXES[x], yaxis_title="test error, per cent")
    if x not in ("params", "ms"):
        figure.update_xaxes(type="log", **log_ticks(networks[x]))
    alt = f"Test error against {AXES[x]}, by family.{best_at_smallest(means)}"
    note = "Small numbers: epochs of the open markers." if numbered else ""
    return describe_figure(figure, "Test error by family", alt, means_table(means, x), note=note)


def longer_and_best(means: pd.DataFrame) -> str | None:
    """The best of the families that are drawn with open markers, if their epochs are known."""
    rows = means[means["family"].map(lambda name: "-open" in STYLES[name].marker)].dropna(
        subset=["epochs"]
    )
    return None if rows.empty else str(rows.groupby("family")["error"].mean().idxmin())


def of_view(
    view: View,
    x: str = "params",
    families: Sequence[str] = MAIN,
    inference: dict | None = None,
) -> go.Figure:
    """`error_against` of a view; `ms` is of the benchmark `inference`, if it is there.

    Raises:
        Missing: there are no such networks, or no times of them.
    """
    networks = view.networks
    if x == "ms" and inference is not None:
        base = f"WRN-{view.scale.base.depth}-{view.scale.base.width:g}"
        networks = with_times(networks, inference, base, view.scale.data.image_size)
    return error_against(networks, view.trajectories, x, families, view.scale.train.epochs)


def base_images(networks: pd.DataFrame) -> float | None:
    """Images that the base network saw in training; None if it is not among the networks."""
    seen = networks[networks["family"] == "base"]["images_seen"]
    return float(mean(seen)) if len(seen) else None


def add_ways(figure: go.Figure, trajectories: pd.DataFrame, x: str) -> None:
    """Draw the error along each pruning run as a thin line."""
    thin = STYLES[PRUNED]._replace(marker="circle", dash="solid")
    for seed, run in trajectories.dropna(subset=["error"]).groupby("seed"):
        figure.add_trace(
            trace(
                run[x],
                run["error"],
                "Pruned and tuned, on the way",
                thin,
                mode="lines",
                line={"width": 1},
                opacity=0.6,
                label=False,
                group=FAMILIES[PRUNED].title,
                custom=[[removals, seed] for removals in run["removals"].tolist()],
                records=[[key] for key in run["key"]],
                hover="%{customdata[0]} channels removed, seed %{customdata[1]}\n%{x:,}\n"
                "%{y:.2f}% error",
            )
        )


def add_means(
    figure: go.Figure,
    name: str,
    means: pd.DataFrame,
    x: str,
    told: str,
    numbered: bool = False,
) -> None:
    """Draw the means of a family, with whiskers from seed to seed; `told` is said on hover.

    Epochs are said, too, where they are known, and stand below the points if `numbered`.
    """
    title = FAMILIES[name].title
    epochs = means.get("epochs", pd.Series(math.nan, means.index))
    known = [f"{n:.0f}" if n == n else "" for n in epochs]
    times = [f"on the images of {n} epochs\n" if n else "" for n in known]
    counts = [counted(seeds, "run") for seeds in means["seeds"]]
    more: dict = {}
    if numbered:
        more = {"mode": "lines+markers+text", "text": known, "textposition": "bottom center"}
    figure.add_trace(
        trace(
            means[x],
            means["error"],
            title,
            STYLES[name],
            error_y=whiskers(means["error"], means["best"], means["worst"]),
            custom=list(zip(counts, means["runs"], times, strict=True)),
            records=means["keys"].tolist(),
            hover=f"{title}\n%{{x:{NUMBERS[x]}}} {AXES[x]}\n%{{customdata[2]}}mean of "
            f"%{{customdata[0]}}: {told}\n%{{customdata[1]}}",
            **more,
        )
    )


def best_at_smallest(means: pd.DataFrame) -> str:
    """The families at the smallest budget, best first, as a sentence."""
    rows = means[means["family"] != "base"]
    smallest = rows[rows["budget"] == rows["budget"].min()].sort_values("error")
    if smallest.empty:
        return ""
    named = [f"{FAMILIES[row.family].title} {fixed(row.error)}%" for row in smallest.itertuples()]
    return f" At {short(rows['budget'].min())} parameters, best first: {', '.join(named)}."


def by_family(networks: pd.DataFrame, x: str = "params") -> pd.DataFrame:
    """Mean, best and worst error over seeds of each family and budget.

    Columns: `family`, `budget`, the `x`, `error`, `best`, `worst`, `seeds`, `images` (seen in
    training, mean), `runs` (what each has, a line per seed) and `keys` (of their records).
    """
    rows = []
    for (family, budget), group in networks.groupby(["family", "budget"], dropna=False):
        seeds = group.sort_values("seed")
        rows.append(
            {
                "family": family,
                "budget": None if pd.isna(budget) else int(budget),
                x: rounded(mean(group[x])),
                "error": float(mean(group["error"])),
                "best": float(group["error"].min()),
                "worst": float(group["error"].max()),
                "seeds": len(group),
                "images": float(mean(group["images_seen"])),
                "runs": "\n".join(f"seed {r.seed}: {r.error:.2f}%" for r in seeds.itertuples()),
                "keys": seeds["key"].tolist(),
            }
        )
    columns = ["family", "budget", x, "error", "best", "worst", "seeds", "images", "runs", "keys"]
    order = {name: i for i, name in enumerate(FAMILIES)}
    frame = pd.DataFrame(rows, columns=columns)
    frame["budget"] = pd.Series([row["budget"] for row in rows], dtype=object)
    return frame.sort_values(["family", x], key=lambda c: c.map(order) if c.name == "family" else c)


def means_table(means: pd.DataFrame, x: str) -> pd.DataFrame:
    """The data of a figure of means, as people read them."""
    table = means.drop(columns=["runs", "keys"])
    if x != "ms":
        table[x] = table[x].round().astype(int)
    table["images"] = table["images"].round().astype(int)
    table["epochs"] = table["epochs"].round(1)
    if table["epochs"].isna().all():
        table = table.drop(columns="epochs")
    table["family"] = [FAMILIES[name].title for name in table["family"]]
    return table.rename(
        columns={
            x: AXES[x],
            "error": "mean error, %",
            "best": "best seed, %",
            "worst": "worst seed, %",
            "images": "images seen in training",
        }
    )
