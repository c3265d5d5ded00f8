"""What a criterion says of a channel, against what happens without it."""

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.style import (
    GREY,
    LINES,
    Style,
    describe_figure,
    line_style,
    require_rows,
    trace,
)
from prunelib.evidence.comparisons import saliency_ranks
from prunelib.evidence.statistics import mean, rank_correlation
from prunelib.text import fixed

DECADES = {"dtick": 1, "exponentformat": "power"}
"""Ticks of an axis over many powers of ten."""


def fisher_columns(saliencies: pd.DataFrame) -> list[str]:
    """The columns `fisher_N` that hold numbers, by N."""
    columns = (c for c in saliencies if c.startswith("fisher_") and saliencies[c].notna().any())
    return sorted(columns, key=lambda c: int(c.removeprefix("fisher_")))


def saliency_scatter(saliencies: pd.DataFrame, blocks_per_stage: int) -> go.Figure:
    """Predicted against measured change of the loss, a point for each channel of the first seed."""
    require_rows(saliencies)
    run = saliencies[saliencies["seed"] == saliencies["seed"].min()]
    predicted = fisher_columns(run)[-1]
    figure = go.Figure()
    for stage, look in enumerate(LINES[:3]):
        rows = run[(run["block"] - 1) // blocks_per_stage == stage]
        figure.add_trace(
            trace(
                rows[predicted],
                rows["actual"],
                f"stage {stage + 1}",
                look,
                mode="markers",
                marker={"size": 7, "opacity": 0.7},
                custom=rows[["block", "channel"]].values.tolist(),
                records=[[key] for key in rows["key"]],
                hover="block %{customdata[0]}, channel %{customdata[1]}\npredicted %{x:.2g}\n"
                "measured %{y:.2g}",
            )
        )
    ends = [float(run[predicted][run[predicted] > 0].min()), float(run[predicted].max())]
    figure.add_trace(trace(ends, ends, "equal", Style(GREY, "circle", "dash", "╌"), mode="lines"))
    figure.update_xaxes(title="Fisher saliency, nats", type="log", **DECADES)
    figure.update_yaxes(title="measured change of the loss, nats", type="log", **DECADES)
    rank = rank_correlation(run[predicted].tolist(), run["actual"].tolist())
    alt = (
        f"Fisher saliency after {predicted[7:]} steps against the measured change of the loss, for "
        f"{len(run)} channels; their rank correlation is {fixed(rank)}. Channels whose removal "
        f"lowers the loss ({(run['actual'] < 0).sum()}) cannot be shown on a logarithmic axis."
    )
    table = run[["block", "channel", predicted, "actual"]].rename(
        columns={predicted: "Fisher saliency, nats", "actual": "measured change, nats"}
    )
    return describe_figure(figure, "Saliency against what removals do", alt, table)


def rank_correlations(saliencies: pd.DataFrame) -> go.Figure:
    """Rank correlation of each criterion with the measured change, by block, mean over seeds."""
    require_rows(saliencies)
    names = {c: f"Fisher, {c[7:]} steps" for c in fisher_columns(saliencies)}
    names |= {"l1": "mean absolute weight"}
    by_block = saliency_ranks(saliencies, by="block")[list(names)]
    figure = go.Figure()
    for i, (criterion, name) in enumerate(names.items()):
        figure.add_trace(
            trace(
                by_block.index,
                by_block[criterion],
                name,
                line_style(i),
                hover=f"{name}\nblock %{{x}}: %{{y:.2f}}",
            )
        )
    figure.update_layout(
        xaxis={"title": "block", "dtick": 1, "range": [0.5, len(by_block) + 0.5]},
        yaxis={"title": "rank correlation", "range": [-1.05, 1.05]},
    )
    table = by_block.rename(columns=names).reset_index()
    means = ", ".join(f"{names[c]} {fixed(mean(by_block[c].dropna()))}" for c in names)
    alt = f"Rank correlation with the measured change within each block; mean over blocks: {means}."
    return describe_figure(figure, "How well each criterion ranks channels", alt, table)
