"""Pictures of the chapter on networks of one's own."""

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.style import DASHES, STYLES, describe_figure, sourced, trace
from prunelib.evidence import your_network
from prunelib.pruning.checkpoint import Point
from prunelib.study.families import FAMILIES, PRUNED
from prunelib.text import fixed


def removal_curve(points: Sequence[Point]) -> go.Figure:
    """Test error along a pruning run that a page made, at scale smoke."""
    frame = pd.DataFrame([asdict(point) for point in points]).assign(seed=0)
    return trajectories_figure(
        frame, "Scale smoke: the network of this page, on handwritten digits."
    )


def recorded_trajectories(record: dict) -> go.Figure:
    """Test error along the pruning runs of the record."""
    return trajectories_figure(
        your_network.recorded_points(record), your_network.circumstances(record)
    )


def trajectories_figure(trajectories: pd.DataFrame, source: str) -> go.Figure:
    """Test error along pruning runs, against the parameters that are left."""
    figure = go.Figure(
        [trajectory_line(run, f"seed {seed}") for seed, run in trajectories.groupby("seed")]
    )
    figure.update_layout(
        xaxis={"title": "parameters left", "autorange": "reversed"},
        yaxis_title="test error, per cent",
    )
    told = trajectories.dropna(subset=["error"])
    first, last = told.iloc[0], told[told["seed"] == told["seed"].min()].iloc[-1]
    alt = (
        f"Test error while channels are removed: {first['error']:.2f} per cent with all "
        f"{first['params']:,.0f} parameters, {last['error']:.2f} per cent with "
        f"{last['params']:,.0f}."
    )
    table = told[["seed", "removals", "params", "macs", "error"]].rename(
        columns={"params": "parameters", "macs": "MACs", "error": "test error, %"}
    )
    return sourced(describe_figure(figure, "Test error along pruning", alt, table), source)


def trajectory_line(run: pd.DataFrame, name: str, label: bool = True) -> go.Scatter:
    """The line of one pruning run."""
    run = run.dropna(subset=["error"])
    style = STYLES[PRUNED]._replace(dash=DASHES[run["seed"].iloc[0] % len(DASHES)])
    return trace(
        run["params"],
        run["error"],
        name,
        style,
        mode="lines",
        label=label,
        custom=[[removals] for removals in run["removals"].tolist()],
        hover="%{customdata[0]} channels removed\n%{x:,} parameters\n%{y:.2f}% error",
    )


def pruned_and_narrower(record: dict) -> go.Figure:
    """Pruned networks and narrower ones trained from scratch: error against parameters."""
    networks = your_network.compared_networks(record)
    figure = go.Figure()
    for _, run in your_network.recorded_points(record).groupby("seed"):
        figure.add_trace(trajectory_line(run, "Pruned and tuned, on the way", label=False))
    for family, rows in networks.groupby("family", sort=False):
        title = FAMILIES[family].title
        figure.add_trace(
            trace(
                rows["params"],
                rows["error"],
                title,
                STYLES[family],
                mode="markers",
                custom=rows[["seed", "macs"]].to_numpy().tolist(),
                hover=f"{title}, seed %{{customdata[0]}}\n%{{x:,}} parameters\n"
                "%{customdata[1]:,} multiply-accumulates\n%{y:.2f}% error",
            )
        )
    figure.update_layout(xaxis_title="parameters", yaxis_title="test error, per cent")
    smallest = networks[networks["share"] == networks["share"].min()]
    means = smallest.groupby("family", sort=False)["error"].mean().sort_values()
    ranked = ", ".join(f"{FAMILIES[name].title} {fixed(error)}%" for name, error in means.items())
    alt = f"Test error against parameters. The smallest ones, best first: {ranked}."
    table = networks[["family", "seed", "params", "macs", "error"]].rename(
        columns={"params": "parameters", "macs": "MACs", "error": "test error, %"}
    )
    table["family"] = [FAMILIES[name].title for name in table["family"]]
    finished = describe_figure(figure, "Pruned or narrower", alt, table)
    return sourced(finished, your_network.circumstances(record))
