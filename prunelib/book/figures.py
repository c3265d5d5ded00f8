"""DataFrames in, Plotly figures out.

Every figure carries in `layout.meta` a sentence for screen readers (`alt`) and its data as a table
(`table`), which the book writes beside it. Families differ in colour, marker and dash.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from prunelib.book.prose.agreement import run_title
from prunelib.errors import Missing
from prunelib.evidence.published import COPYCATS, SNIP
from prunelib.evidence.statistics import repeatability_limit
from prunelib.evidence.verdicts import DEPENDS
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import CONTROLS, FAMILIES, MAIN, PENALISED
from prunelib.text import counted, short


class Style(NamedTuple):
    """How a family is drawn: Okabe and Ito's colours, told apart by colour-blind readers."""

    colour: str
    marker: str
    dash: str


STYLES = {
    "base": Style("#7f7f7f", "star", "solid"),
    "pruned-and-tuned": Style("#d55e00", "circle", "solid"),
    "reduced-width": Style("#e69f00", "square", "dash"),
    "bottleneck": Style("#009e73", "diamond", "dot"),
    "pruned-from-scratch": Style("#0072b2", "triangle-up", "dashdot"),
    "copycat": Style("#cc79a7", "triangle-down", "longdash"),
    "random-profile": Style("#9922ee", "x", "longdashdot"),
    "random-removal": Style("#56b4e9", "square-open", "dash"),
    "l1-removal": Style("#9922ee", "cross", "dot"),
    "retrained": Style("#cc79a7", "diamond-open", "dash"),
    "initial-weights": Style("#009e73", "triangle-left", "dot"),
    "pruned-from-scratch-long": Style("#56b4e9", "triangle-up-open", "9px,3px,2px,3px,2px,3px"),
    "bottleneck-long": Style("#9922ee", "diamond-open", "2px,7px"),
    "pruned-from-scratch-longest": Style("#0072b2", "triangle-up-dot", "dashdot"),
    "bottleneck-longest": Style("#009e73", "diamond-dot", "dot"),
    "flop-penalty-1": Style("#e69f00", "square-open", "dash"),
    "flop-penalty-2": Style("#009e73", "diamond-open", "dot"),
    "flop-penalty-3": Style("#0072b2", "triangle-up-open", "dashdot"),
}
COMPARISONS = {
    "which channel goes": ("pruned-and-tuned", "random-removal", "l1-removal"),
    "weights and schedule": (
        "pruned-and-tuned",
        "pruned-from-scratch",
        "initial-weights",
        "retrained",
    ),
    "equal images": (
        "pruned-and-tuned",
        "pruned-from-scratch",
        "pruned-from-scratch-long",
        "bottleneck",
        "bottleneck-long",
    ),
    "retraining": (
        "pruned-and-tuned",
        "retrained",
        "pruned-from-scratch-longest",
        "bottleneck-longest",
    ),
    "FLOP penalty": ("pruned-and-tuned", *PENALISED),
}
"""Families that stand beside each other to answer one question."""

OVERVIEW = (
    *(name for name in MAIN if name not in ("random-profile", "saliency")),
    "bottleneck-long",
    "pruned-from-scratch-long",
)
"""Families of the book's first figure, both with and without equal images."""

LINES = (
    Style("#0072b2", "circle", "solid"),
    Style("#d55e00", "square", "dash"),
    Style("#009e73", "diamond", "dot"),
    Style("#cc79a7", "triangle-up", "dashdot"),
    Style("#e69f00", "triangle-down", "longdash"),
    Style("#7f7f7f", "x", "longdashdot"),
)
"""How lines that are not families are told apart."""
AXES = {
    "params": "parameters",
    "macs": "multiply-accumulates for one image",
    "training_macs": "multiply-accumulates of training",
    "total_macs": "multiply-accumulates spent in all",
}


def finish(figure: go.Figure, alt: str, table: pd.DataFrame) -> go.Figure:
    """Add what all figures share, the description and the data table."""
    rows = [[cell(value) for value in row] for row in table.itertuples(index=False)]
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 60, "r": 16, "t": 32, "b": 56},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        font={"size": 14},
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},
        meta={"alt": alt, "table": {"columns": list(table.columns), "rows": rows}},
    )
    figure.update_xaxes(gridcolor="rgba(128,128,128,.25)", automargin=True)
    figure.update_yaxes(gridcolor="rgba(128,128,128,.25)", automargin=True)
    return figure


def there(frame: pd.DataFrame) -> None:
    """Raise Missing if there are no rows to draw."""
    if frame.empty:
        raise Missing("there are no records to draw this from")


def cell(value: object) -> str:
    """A table cell: numbers as people write them."""
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def error_against(
    networks: pd.DataFrame,
    trajectories: pd.DataFrame,
    x: str = "params",
    families: Sequence[str] = MAIN,
) -> go.Figure:
    """Test error of every family against its size (the paper's figure 1).

    Markers are means over seeds, whiskers reach from the best to the worst seed. The trajectory of
    each pruning run is a thin line.

    Args:
        networks: of `tables.networks`.
        trajectories: of `tables.trajectories`.
        x: one of `AXES`.
        families: those to show.
    """
    networks = networks[networks["family"].isin(families)]
    there(networks)
    figure = go.Figure()
    style = STYLES["pruned-and-tuned"]
    if x in ("params", "macs"):
        for seed, run in trajectories.dropna(subset=["error"]).groupby("seed"):
            figure.add_scatter(
                x=run[x].tolist(),
                y=run["error"].tolist(),
                mode="lines",
                line={"color": style.colour, "width": 1},
                opacity=0.6,
                name="Pruned and tuned, on the way",
                legendgroup="trajectory",
                showlegend=bool(seed == trajectories["seed"].min()),
                customdata=run["removals"].tolist(),
                hovertemplate="%{customdata} channels removed, seed "
                + f"{seed}<br>%{{x:,}}<br>%{{y:.2f}} %<extra></extra>",
            )
    means = by_family(networks, x)
    for name in [name for name in families if name in set(means["family"])]:
        told = "%{y:.2f} %<br>%{customdata[1]}"
        add_means(figure, name, means[means["family"] == name], x, told)
    figure.update_layout(xaxis_title=AXES[x], yaxis_title="test error, per cent")
    figure.update_xaxes(type="log" if x != "params" else "linear")
    table = means.drop(columns="runs").rename(columns={x: AXES[x], "error": "mean error, %"})
    table["family"] = [FAMILIES[name].title for name in table["family"]]
    best = means[means["family"] != "base"]
    alt = f"Test error against {AXES[x]}, by family."
    if len(best):
        smallest = best[best["budget"] == best["budget"].min()].sort_values("error")
        ranking = ", ".join(
            f"{FAMILIES[row.family].title} {row.error:.2f} %" for row in smallest.itertuples()
        )
        alt += f" At {short(best['budget'].min())} parameters, best first: {ranking}."
    return finish(figure, alt, table)


def add_means(figure: go.Figure, name: str, means: pd.DataFrame, x: str, told: str) -> None:
    """Draw the means of a family, with whiskers from seed to seed; `told` is said on hover."""
    style = STYLES[name]
    figure.add_scatter(
        x=means[x].tolist(),
        y=means["error"].tolist(),
        mode="lines+markers",
        name=FAMILIES[name].title,
        line={"color": style.colour, "dash": style.dash},
        marker={"symbol": style.marker, "size": 10},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": (means["worst"] - means["error"]).tolist(),
            "arrayminus": (means["error"] - means["best"]).tolist(),
        },
        customdata=means[["seeds", "runs"]].values.tolist(),
        hovertemplate=f"{FAMILIES[name].title}<br>%{{x:,.0f}} {AXES[x]}<br>"
        f"mean of %{{customdata[0]}} run(s): {told}<extra></extra>",
    )


def gaps(rows: pd.DataFrame, families: Sequence[str]) -> go.Figure:
    """By how much pruned-and-tuned networks are worse than others of equal size, against the size.

    Args:
        rows: of `comparisons.advantage`.
        families: those to compare with, if they are there.
    """
    rows = rows[rows["family"].isin(families)]
    there(rows)
    means = by_family(rows.assign(error=rows["difference"]))
    figure = go.Figure()
    for name in [name for name in families if name in set(means["family"])]:
        add_means(figure, name, means[means["family"] == name], "params", "%{y:+.2f} points")
    figure.add_hline(y=0, line={"color": "#888888"})
    figure.update_layout(xaxis_title=AXES["params"], yaxis_title="points by which pruning is worse")
    ends = [
        f"{FAMILIES[name].title} {group['error'].iloc[0]:+.2f} points at "
        f"{short(group['budget'].iloc[0])} and {group['error'].iloc[-1]:+.2f} at "
        f"{short(group['budget'].iloc[-1])}"
        for name, group in means.groupby("family", sort=False)
    ]
    table = means[["family", "budget", "error", "best", "worst", "seeds"]].copy()
    table["family"] = [FAMILIES[name].title for name in table["family"]]
    table.columns = ["against", "budget", "points worse", "least", "most", "seeds"]
    alt = "Error of pruned-and-tuned networks minus that of others of equal size, by size."
    return finish(figure, f"{alt} {'; '.join(ends)}.", table)


def comparison(networks: pd.DataFrame, trajectories: pd.DataFrame, question: str) -> go.Figure:
    """Error against parameters of the families of one of `COMPARISONS`."""
    families = COMPARISONS[question]
    there(networks[networks["family"].isin(families) & networks["family"].isin(CONTROLS)])
    return error_against(networks, trajectories, families=families)


def by_family(networks: pd.DataFrame, x: str = "params") -> pd.DataFrame:
    """Mean, best and worst error over seeds of each family and budget."""
    rows = []
    for (family, budget), group in networks.groupby(["family", "budget"], dropna=False):
        rows.append(
            {
                "family": family,
                "budget": None if pd.isna(budget) else int(budget),
                x: float(group[x].mean()),
                "error": float(group["error"].mean()),
                "best": float(group["error"].min()),
                "worst": float(group["error"].max()),
                "seeds": len(group),
                "runs": "<br>".join(
                    f"seed {run.seed}: {run.error:.2f} %"
                    for run in group.sort_values("seed").itertuples()
                ),
            }
        )
    columns = ["family", "budget", x, "error", "best", "worst", "seeds", "runs"]
    order = {name: i for i, name in enumerate(FAMILIES)}
    frame = pd.DataFrame(rows, columns=columns)
    frame["budget"] = pd.Series([row["budget"] for row in rows], dtype=object)
    return frame.sort_values(["family", x], key=lambda c: c.map(order) if c.name == "family" else c)


def learning_curves(epochs: pd.DataFrame, milestones: tuple[int, ...]) -> go.Figure:
    """Test error and training loss by epoch, a line for each seed; milestones are marked."""
    there(epochs)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.6, 0.4]
    )
    dashes = ["solid", "dash", "dot", "dashdot", "longdash"]
    colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]
    for seed, run in epochs.groupby("seed"):
        look = {"color": colours[seed % 5], "dash": dashes[seed % 5]}
        for row, column in ((1, "test_error"), (2, "train_loss")):
            figure.add_scatter(
                x=run["epoch"].tolist(),
                y=run[column].tolist(),
                mode="lines+markers",
                line=look,
                name=f"seed {seed}",
                legendgroup=str(seed),
                showlegend=row == 1,
                row=row,
                col=1,
            )
    for milestone in milestones:
        figure.add_vline(x=milestone + 0.5, line={"dash": "dot", "color": "#888888"})
    figure.update_yaxes(title="test error, per cent", row=1, col=1)
    figure.update_yaxes(title="training loss, nats", row=2, col=1)
    figure.update_xaxes(title="epoch", row=2, col=1)
    last = epochs[epochs["epoch"] == epochs["epoch"].max()]
    table = epochs.pivot_table(index="epoch", columns="seed", values="test_error").reset_index()
    table.columns = ["epoch", *(f"error of seed {s}, %" for s in table.columns[1:])]
    alt = (
        f"Test error and training loss by epoch for {counted(len(last), 'seed')}; after the last "
        f"epoch the error is {last['test_error'].min():.2f} to {last['test_error'].max():.2f} per "
        "cent."
    )
    figure.update_layout(height=520)
    return finish(figure, alt, table)


def trajectory(trajectories: pd.DataFrame) -> go.Figure:
    """Test error along each pruning run, against the parameters that are left."""
    there(trajectories)
    figure = go.Figure()
    measured = trajectories.dropna(subset=["error"])
    dashes = ["solid", "dash", "dot"]
    for seed, run in measured.groupby("seed"):
        figure.add_scatter(
            x=run["params"].tolist(),
            y=run["error"].tolist(),
            mode="lines",
            line={"color": STYLES["pruned-and-tuned"].colour, "dash": dashes[seed % 3]},
            name=f"seed {seed}",
            customdata=run["removals"].tolist(),
            hovertemplate="%{customdata} channels removed<br>%{x:,} parameters<br>"
            "%{y:.2f} %<extra></extra>",
        )
    figure.update_layout(
        xaxis={"title": "parameters left", "autorange": "reversed"},
        yaxis_title="test error, per cent",
        showlegend=measured["seed"].nunique() > 1,
    )
    first = measured[measured["seed"] == measured["seed"].min()]
    table = first.iloc[:: max(1, len(first) // 20)][["removals", "params", "macs", "error"]]
    alt = (
        f"Test error while channels are removed: {first['error'].iloc[0]:.2f} per cent with all "
        f"{first['params'].iloc[0]:,} parameters, {first['error'].iloc[-1]:.2f} per cent with "
        f"{first['params'].iloc[-1]:,}."
    )
    return finish(figure, alt, table)


def profile_bars(profiles: dict[str, ChannelProfile]) -> go.Figure:
    """Channels left in each block, per cent of the full network (the paper's figure 2c).

    One row of bars for each named profile; numbers on the bars are channels; blocks that halve the
    resolution are hatched.
    """
    figure = make_subplots(
        rows=len(profiles),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=list(profiles),
    )
    rows = []
    for row, (title, profile) in enumerate(profiles.items(), 1):
        numbers = [block.number for block in profile.blocks]
        shares = [100 * share for share in profile.shares()]
        figure.add_bar(
            x=numbers,
            y=shares,
            text=[str(block.middle) for block in profile.blocks],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": "#0072b2",
                "pattern": {"shape": ["/" if n in profile.strided else "" for n in numbers]},
            },
            hovertemplate="block %{x}: %{text} channels, %{y:.0f} %<extra></extra>",
            showlegend=False,
            name=title,
            row=row,
            col=1,
        )
        figure.update_yaxes(title="% left", range=[0, 118], row=row, col=1)
        rows += [
            (title, b.number, b.middle, share)
            for b, share in zip(profile.blocks, shares, strict=True)
        ]
    figure.update_xaxes(dtick=1)
    figure.update_xaxes(title="block (hatched: halves the resolution)", row=len(profiles), col=1)
    figure.update_layout(height=120 + 190 * len(profiles))
    last_title, last = list(profiles.items())[-1]
    widest = max(last.blocks, key=lambda b: b.middle / b.c_out)
    alt = (
        f"Channels left in each of {len(last.blocks)} blocks for: {'; '.join(profiles)}. "
        f"In {last_title}, "
        + (
            "all blocks are whole."
            if last == last.unpruned
            else f"block {widest.number} keeps the largest share, "
            f"{100 * widest.middle / widest.c_out:.0f} per cent."
        )
    )
    table = pd.DataFrame(rows, columns=["network", "block", "channels", "% left"])
    return finish(figure, alt, table)


def block_widths(profiles: dict[str, ChannelProfile]) -> go.Figure:
    """Channels outside and inside each block (the paper's figures 2a and 2b), a row a network."""
    figure = make_subplots(
        rows=len(profiles), cols=1, shared_xaxes=True, subplot_titles=list(profiles)
    )
    rows = []
    for row, (title, profile) in enumerate(profiles.items(), 1):
        for name, style, widths in (
            ("between blocks", {"color": "#e69f00", "pattern": {"shape": "/"}}, "c_out"),
            ("inside the block", {"color": "#0072b2"}, "middle"),
        ):
            figure.add_bar(
                x=[b.number for b in profile.blocks],
                y=[getattr(b, widths) for b in profile.blocks],
                name=name,
                marker=style,
                legendgroup=name,
                showlegend=row == 1,
                row=row,
                col=1,
            )
        rows += [(title, b.number, b.c_out, b.middle) for b in profile.blocks]
    figure.update_yaxes(title="channels")
    figure.update_xaxes(title="block", dtick=1, row=len(profiles), col=1)
    figure.update_layout(height=140 + 190 * len(profiles), barmode="group")
    alt = (
        f"Channels between and inside the blocks of: {'; '.join(profiles)}. A reduced network is "
        "narrower in both places, a bottleneck network inside its blocks only."
    )
    table = pd.DataFrame(rows, columns=["network", "block", "between blocks", "inside the block"])
    return finish(figure, alt, table)


def profile_lines(profiles: dict[str, ChannelProfile]) -> go.Figure:
    """Shares of the channels left, by block, a line for each profile, to compare their shapes."""
    figure = go.Figure()
    rows = []
    for i, (title, profile) in enumerate(profiles.items()):
        shares = [100 * share for share in profile.shares()]
        look = LINES[i % len(LINES)]
        figure.add_scatter(
            x=[b.number for b in profile.blocks],
            y=shares,
            mode="lines+markers",
            name=title,
            line={"color": look.colour, "dash": look.dash},
            marker={"symbol": look.marker, "size": 8},
            customdata=[b.middle for b in profile.blocks],
            hovertemplate="block %{x}: %{customdata} channels, %{y:.0f} %<extra></extra>",
        )
        rows.append([title, *(f"{share:.0f}" for share in shares)])
    first = next(iter(profiles.values()))
    for number in first.strided:
        figure.add_vline(x=number, line={"dash": "dot", "color": "#888888"})
    figure.update_layout(
        xaxis={
            "title": "block (dotted: halves the resolution)",
            "dtick": 1,
            "range": [0.5, len(first.blocks) + 0.5],
        },
        yaxis={"title": "channels left, per cent", "rangemode": "tozero"},
    )
    table = pd.DataFrame(rows, columns=["network", *(f"block {b.number}" for b in first.blocks)])
    alt = f"Share of channels left in each of {len(first.blocks)} blocks: {'; '.join(profiles)}."
    return finish(figure, alt, table)


def saliency_scatter(saliencies: pd.DataFrame, blocks_per_stage: int) -> go.Figure:
    """Predicted against measured change of the loss, a point for each channel of the first seed."""
    there(saliencies)
    run = saliencies[saliencies["seed"] == saliencies["seed"].min()]
    predicted = fisher_columns(run)[-1]
    figure = go.Figure()
    for stage, look in enumerate(LINES[:3]):
        rows = run[(run["block"] - 1) // blocks_per_stage == stage]
        figure.add_scatter(
            x=rows[predicted].tolist(),
            y=rows["actual"].tolist(),
            mode="markers",
            name=f"stage {stage + 1}",
            marker={"color": look.colour, "symbol": look.marker, "size": 7, "opacity": 0.7},
            customdata=rows[["block", "channel"]].values.tolist(),
            hovertemplate="block %{customdata[0]}, channel %{customdata[1]}<br>predicted %{x:.2g}"
            "<br>measured %{y:.2g}<extra></extra>",
        )
    ends = [float(run[predicted][run[predicted] > 0].min()), float(run[predicted].max())]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="equal", line={"color": "#888888", "dash": "dash"}
    )
    figure.update_xaxes(title="Fisher saliency, nats", type="log")
    figure.update_yaxes(title="measured change of the loss, nats", type="log")
    rank = run[[predicted, "actual"]].corr("spearman").iloc[0, 1]
    alt = (
        f"Fisher saliency after {predicted[7:]} steps against the measured change of the loss, for "
        f"{len(run)} channels; their rank correlation is {rank:.2f}. Channels whose removal lowers "
        f"the loss ({(run['actual'] < 0).sum()}) cannot be shown on a logarithmic axis."
    )
    table = run.groupby("block", as_index=False)[[predicted, "actual"]].mean()
    table = pd.DataFrame(
        {
            "block": table["block"],
            "mean saliency": [f"{v:.4g}" for v in table[predicted]],
            "mean measured change": [f"{v:.4g}" for v in table["actual"]],
        }
    )
    return finish(figure, alt, table)


def fisher_columns(saliencies: pd.DataFrame) -> list[str]:
    """The columns `fisher_N` that hold numbers, by N."""
    columns = (c for c in saliencies if c.startswith("fisher_") and saliencies[c].notna().any())
    return sorted(columns, key=lambda c: int(c.removeprefix("fisher_")))


def saliency_ranks(saliencies: pd.DataFrame) -> go.Figure:
    """Rank correlation of each criterion with the measured change, by block, mean over seeds."""
    there(saliencies)
    names = {c: f"Fisher, {c[7:]} steps" for c in fisher_columns(saliencies)}
    names |= {"l1": "mean absolute weight"}
    ranks = saliencies.groupby(["seed", "block"]).apply(
        lambda rows: rows[[*names, "actual"]].corr("spearman")["actual"][list(names)],
        include_groups=False,
    )
    by_block = ranks.groupby(level="block").mean()
    figure = go.Figure()
    for i, (criterion, name) in enumerate(names.items()):
        look = LINES[i % len(LINES)]
        figure.add_scatter(
            x=by_block.index.tolist(),
            y=by_block[criterion].round(4).tolist(),
            mode="lines+markers",
            name=name,
            line={"color": look.colour, "dash": look.dash},
            marker={"symbol": look.marker, "size": 8},
        )
    figure.update_layout(
        xaxis={"title": "block", "dtick": 1},
        yaxis={"title": "rank correlation", "range": [-1.05, 1.05]},
    )
    table = by_block.rename(columns=names).reset_index()
    means = ", ".join(f"{names[c]} {by_block[c].mean():.2f}" for c in names)
    alt = f"Rank correlation with the measured change within each block; mean over blocks: {means}."
    return finish(figure, alt, table)


def removal_cost(trajectories: pd.DataFrame) -> go.Figure:
    """Seconds of fine-tuning for a removal against the network's MACs: pruning gets faster."""
    there(trajectories)
    run = trajectories[trajectories["seed"] == trajectories["seed"].min()]
    smooth = run["seconds"].rolling(9, center=True, min_periods=1).median()
    figure = go.Figure()
    figure.add_scatter(
        x=run["macs"].tolist(),
        y=smooth.round(4).tolist(),
        mode="lines",
        line={"color": STYLES["pruned-and-tuned"].colour},
        hovertemplate="%{x:,} MACs<br>%{y:.2f} s<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title="multiply-accumulates for one image", autorange="reversed")
    figure.update_yaxes(title="seconds a removal", rangemode="tozero")
    tenth = max(1, len(run) // 10)
    start, end = float(smooth.iloc[:tenth].median()), float(smooth.iloc[-tenth:].median())
    left = run["macs"].iloc[-1] / run["macs"].iloc[0]
    alt = (
        f"Seconds of fine-tuning for each removal, running median of 9: {start:.2f} s with all "
        f"channels, {end:.2f} s at the end, when {left:.0%} of the multiply-accumulates are left."
    )
    rows = run.assign(smooth=smooth.round(3)).iloc[:: max(1, len(run) // 12)]
    table = rows[["removals", "macs", "smooth"]].set_axis(
        ["removals", "MACs", "seconds a removal"], axis=1
    )
    return finish(figure, alt, table)


def forest(verdicts: list, claims: tuple[str, ...]) -> go.Figure:
    """Mean and 95 % interval of some claims whose statistic is in points of error, from the top."""
    found = [v for v in verdicts if v.claim in claims and v.mean is not None]
    label = {v.claim: f"{v.claim}: {v.short}" for v in verdicts}
    if not found:
        raise Missing("there are no records to draw this from")
    figure = go.Figure()
    for verdict, marker in (
        ("supported", "circle"),
        ("refuted", "x"),
        ("equal", "diamond"),
        (DEPENDS, "square-open"),
        ("open", "circle-open"),
    ):
        group = [v for v in found if v.verdict == verdict]
        if not group:
            continue
        figure.add_scatter(
            x=[v.mean for v in group],
            y=[label[v.claim] for v in group],
            mode="markers",
            name=verdict,
            marker={"symbol": marker, "size": 12, "color": "#0072b2"},
            error_x={
                "type": "data",
                "array": [0 if v.low is None else v.mean - v.low for v in group],
            },
            customdata=["<br>".join(wrap(v.text, 40)) for v in group],
            hovertemplate="%{customdata}<br>%{x:+.2f} points<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": "#888888"})
    figure.update_layout(
        xaxis_title="points of test error",
        yaxis={
            "categoryorder": "array",
            "categoryarray": [label[claim] for claim in reversed(claims) if claim in label],
            "automargin": True,
        },
        height=160 + 60 * len(claims),
    )
    table = pd.DataFrame(
        [(v.claim, v.statistic, v.mean, v.low, v.high, v.verdict) for v in found],
        columns=["claim", "statistic", "mean", "from", "to", "verdict"],
    )
    parts = "; ".join(f"{v.claim} {v.verdict} ({v.mean:+.2f})" for v in found)
    return finish(figure, f"Mean and 95 % interval of claims: {parts}.", table)


def made_twice(runs: pd.DataFrame, deviation: float | None) -> go.Figure:
    """How far runs that were made twice are apart, and how far those of two seeds usually are.

    Args:
        runs: of `repeats.repeats`.
        deviation: of `statistics.between_seeds`.
    """
    there(runs)
    runs = runs.sort_values(["budget", "family", "seed"], na_position="first")
    titles = ["<br>".join(wrap(run_title(run), 22)) for run in runs.itertuples()]
    runs = runs.assign(title=titles)
    alike = (runs["hardware"] == runs["other_hardware"]) & (
        runs["precision"] == runs["other_precision"]
    )
    figure = go.Figure()
    for name, group, marker, colour in (
        ("same processor<br>and number format", runs[alike], "circle", "#009e73"),
        ("another processor<br>or number format", runs[~alike], "diamond-open", "#0072b2"),
    ):
        figure.add_scatter(
            x=group["difference"].tolist(),
            y=group["title"].tolist(),
            mode="markers",
            name=name,
            marker={"symbol": marker, "size": 12, "color": colour},
            customdata=group[["error", "other"]].values.tolist(),
            hovertemplate="%{y}<br>%{customdata[0]:.2f} % and %{customdata[1]:.2f} %"
            "<br>%{x:+.2f} points<extra></extra>",
        )
    if deviation is not None:
        usual = repeatability_limit(deviation)
        figure.add_vrect(-usual, usual, fillcolor="#888888", opacity=0.2, line_width=0)
    figure.add_vline(x=0, line={"color": "#888888"})
    figure.update_layout(
        xaxis_title="difference, points",
        yaxis={"categoryorder": "array", "categoryarray": runs["title"].tolist()[::-1]},
        height=180 + 64 * len(runs),
    )
    table = runs[["title", "error", "other", "difference", "precision", "other_precision"]]
    table = table.replace({"title": {"<br>": " "}}, regex=True)
    table = table.set_axis(
        ["run", "error, %", "other error, %", "difference", "format", "other format"], axis=1
    )
    alt = (
        f"Differences of {len(runs)} runs made twice: {runs['difference'].min():+.2f} to "
        f"{runs['difference'].max():+.2f} points."
    )
    if deviation is not None:
        alt += f" Two seeds of one network usually differ by less than {usual:.2f}."
    return finish(figure, alt, table)


def published(ours: dict[str, pd.DataFrame] | None = None) -> go.Figure:
    """What the paper and SNIP report at the paper's scale.

    Args:
        ours: networks of `tables.networks` by scale, whose means stand beside.
    """
    figure = go.Figure()
    for name, points, colour, marker in (
        ("Copycat (Crowley et al., 2018)", COPYCATS, STYLES["copycat"].colour, "triangle-down"),
        ("SNIP (single weights, not channels)", SNIP, "#7f7f7f", "x"),
    ):
        figure.add_scatter(
            x=[p.params for p in points],
            y=[p.error for p in points],
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": "dot"},
            marker={"symbol": marker, "size": 11},
            hovertemplate="%{x:,}<br>%{y:.2f} %<extra></extra>",
        )
    table = pd.DataFrame([*COPYCATS, *SNIP])
    table.columns = ["network", "parameters", "error, %", "from"]
    for scale, networks in (ours or {}).items():
        means = by_family(networks[networks["family"].isin(MAIN)])
        for name, rows in means.groupby("family", sort=False):
            title = f"{FAMILIES[name].title}, ours at {scale}"
            figure.add_scatter(
                x=rows["params"].tolist(),
                y=rows["error"].tolist(),
                mode="markers",
                name=title,
                marker={"symbol": STYLES[name].marker, "size": 10, "color": STYLES[name].colour},
                hovertemplate="%{x:,.0f}<br>%{y:.2f} %<extra></extra>",
            )
            own = rows[["params", "error"]].set_axis(["parameters", "error, %"], axis=1)
            table = pd.concat([table, own.assign(network=title, **{"from": "our records"})])
    figure.update_layout(xaxis_title=AXES["params"], yaxis_title="test error, per cent")
    alt = (
        "Published errors on CIFAR-10 at 32×32, trained for 200 epochs: copycats and SNIP's "
        "networks. Smaller scales have smaller images and shorter training: errors compare within "
        "a scale only."
    )
    return finish(figure, alt, table)


def removals_by_block(trajectories: pd.DataFrame, full: ChannelProfile) -> go.Figure:
    """Which block loses its channels when: share left of each block along the first pruning run."""
    there(trajectories)
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
            colorscale="Viridis",
            colorbar={"title": "% left"},
            hovertemplate="after %{x} removals<br>block %{y}: %{z:.0f} % left<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis_title="channels removed",
        yaxis={"title": "block", "dtick": 1, "autorange": "reversed"},
        height=460,
    )
    steps = left.iloc[:: max(1, len(left) // 8)]
    table = steps.astype(int).reset_index(drop=True)
    table.columns = [f"block {n}" for n in table.columns]
    table.insert(0, "removals", run["removals"].iloc[:: max(1, len(left) // 8)].tolist())
    final = left.iloc[-1]
    alt = (
        f"Share of channels left in each block along {int(run['removals'].max())} removals. At the "
        f"end block {final.idxmax()} keeps most ({final.max():.0f} per cent) and block "
        f"{final.idxmin()} least ({final.min():.0f} per cent)."
    )
    return finish(figure, alt, table)
