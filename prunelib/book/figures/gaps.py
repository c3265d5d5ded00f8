"""By how much pruned networks are worse than others of equal size."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.errors import AXES, add_means, by_family
from prunelib.book.figures.style import GREY, describe_figure, require_rows
from prunelib.study.families import FAMILIES
from prunelib.text import fixed, short


def gaps_by_size(rows: pd.DataFrame, families: Sequence[str]) -> go.Figure:
    """By how much pruned-and-tuned networks are worse than others of equal size, against the size.

    Args:
        rows: of `comparisons.advantage`.
        families: those to compare with, if they are there.
    """
    rows = rows[rows["family"].isin(families)]
    require_rows(rows)
    means = by_family(rows.assign(error=rows["difference"]))
    figure = go.Figure()
    for name in [name for name in families if name in set(means["family"])]:
        part = means[means["family"] == name]
        add_means(figure, name, part, "params", "%{y:.2f} points (above 0, pruning is worse)")
    figure.add_hline(y=0, line={"color": GREY})
    figure.update_layout(xaxis_title=AXES["params"], yaxis_title="points by which pruning is worse")
    ends = [
        f"{FAMILIES[name].title} {fixed(group['error'].iloc[0], sign=True)} points at "
        f"{short(group['budget'].iloc[0])} and {fixed(group['error'].iloc[-1], sign=True)} at "
        f"{short(group['budget'].iloc[-1])}"
        for name, group in means.groupby("family", sort=False)
    ]
    table = means[["family", "budget", "error", "best", "worst", "seeds"]].copy()
    table["family"] = [FAMILIES[name].title for name in table["family"]]
    table.columns = ["against", "budget", "points worse", "least", "most", "seeds"]
    alt = "Error of pruned-and-tuned networks minus that of others of equal size, by size."
    return describe_figure(
        figure,
        "By how much pruned-and-tuned networks are worse",
        f"{alt} {'; '.join(ends)}.",
        table,
    )
