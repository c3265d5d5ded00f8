"""The way of a pruning run: which blocks lose channels, and what a removal costs."""

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.style import STYLES, describe_figure, require_rows, trace
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import PRUNED


def trajectory(trajectories: pd.DataFrame) -> go.Figure:
    """Test error along each pruning run, against the parameters that are left."""
    require_rows(trajectories)
    figure = go.Figure()
    measured = trajectories.dropna(subset=["error"])
    dashes = ["solid", "dash", "dot"]
    for seed, run in measured.groupby("seed"):
        figure.add_trace(
            trace(
                run["params"],
                run["error"],
                f"seed {seed}",
                STYLES[PRUNED]._replace(dash=dashes[seed % 3], glyph="━╍┅"[seed % 3]),
                mode="lines",
                custom=[[removals] for removals in run["removals"].tolist()],
                records=[[key] for key in run["key"]],
                hover=f"seed {seed}, %{{customdata[0]}} channels removed\n%{{x:,}} parameters\n"
                "%{y:.2f}% error",
            )
        )
    figure.update_layout(
        xaxis={"title": "parameters left", "autorange": "reversed"},
        yaxis_title="test error, per cent",
    )
    first = measured[measured["seed"] == measured["seed"].min()]
    table = measured[["seed", "removals", "params", "macs", "error"]].rename(
        columns={"params": "parameters", "macs": "MACs", "error": "test error, %"}
    )
    alt = (
        f"Test error while channels are removed: {first['error'].iloc[0]:.2f} per cent with all "
        f"{first['params'].iloc[0]:,} parameters, {first['error'].iloc[-1]:.2f} per cent with "
        f"{first['params'].iloc[-1]:,}."
    )
    return describe_figure(figure, "Test error along pruning", alt, table)


def removals_by_block(trajectories: pd.DataFrame, full: ChannelProfile) -> go.Figure:
    """Which block loses its channels when: share left of each block along the first pruning run."""
    require_rows(trajectories)
    run = trajectories[trajectories["seed"] == trajectories["seed"].min()]
    counts = pd.DataFrame(
        {b.number: (run["block"] == b.number).cumsum().shift(fill_value=0) for b in full.blocks}
    )
    wide = pd.Series({b.number: b.middle for b in full.blocks})
    left = 100 * (1 - counts / wide)
    figure = go.Figure(
        go.Heatmap(
            x=run["removals"].tolist(),
            y=list(left.columns),
            z=left.round(1).T.values.tolist(),
            zmin=0,
            zmax=100,
            colorscale="Cividis",
            colorbar={"title": "% left"},
            hovertemplate="after %{x} removals<br>block %{y}: %{z:.0f}% left<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis_title="channels removed",
        yaxis={"title": "block", "dtick": 1, "autorange": "reversed"},
    )
    table = (wide - counts).reset_index(drop=True)
    table.columns = [f"channels in block {n}" for n in table.columns]
    table.insert(0, "removals", run["removals"].tolist())
    final = left.iloc[-1]
    alt = (
        f"Share of channels left in each block along {int(run['removals'].max())} removals. At the "
        f"end block {final.idxmax()} keeps most ({final.max():.0f} per cent) and block "
        f"{final.idxmin()} least ({final.min():.0f} per cent)."
    )
    return describe_figure(figure, "Which block loses channels when", alt, table, height=460)


def removal_cost(trajectories: pd.DataFrame) -> go.Figure:
    """Seconds of fine-tuning for a removal against the network's MACs: pruning gets faster."""
    require_rows(trajectories)
    run = trajectories[trajectories["seed"] == trajectories["seed"].min()]
    smooth = run["seconds"].rolling(9, center=True, min_periods=1).median()
    figure = go.Figure()
    figure.add_trace(
        trace(
            run["macs"],
            smooth.round(4),
            "running median of 9 removals",
            STYLES[PRUNED],
            mode="lines",
            label=False,
            records=[[key] for key in run["key"]],
            hover="%{x:,} MACs\n%{y:.2f} s",
        )
    )
    figure.update_xaxes(title="multiply-accumulates per image", autorange="reversed")
    figure.update_yaxes(title="seconds per removal", rangemode="tozero")
    tenth = max(1, len(run) // 10)
    start, end = float(smooth.iloc[:tenth].median()), float(smooth.iloc[-tenth:].median())
    left = run["macs"].iloc[-1] / run["macs"].iloc[0]
    alt = (
        f"Seconds of fine-tuning for each removal, running median of 9: {start:.2f} s with all "
        f"channels, {end:.2f} s at the end, when {left:.0%} of the multiply-accumulates are left."
    )
    table = run.assign(smooth=smooth)[["removals", "macs", "seconds", "smooth"]].set_axis(
        ["removals", "MACs", "seconds", "running median of 9"], axis=1
    )
    return describe_figure(figure, "Seconds per removal", alt, table)
