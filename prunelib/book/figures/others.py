"""What others published, beside our own networks."""

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.errors import AXES, by_family
from prunelib.book.figures.style import GREY, STYLES, Style, describe_figure, trace
from prunelib.evidence.published import COPYCATS, SNIP
from prunelib.study.families import COPYCAT, FAMILIES, MAIN


def published(ours: dict[str, pd.DataFrame] | None = None) -> go.Figure:
    """What the paper and SNIP report at the paper's scale.

    Args:
        ours: networks of `tables.networks` by scale, whose means stand beside.
    """
    figure = go.Figure()
    for name, points, style in (
        ("Copycat (Crowley et al., 2018)", COPYCATS, STYLES[COPYCAT]._replace(dash="dot")),
        ("SNIP (single weights, not channels)", SNIP, Style(GREY, "x", "dot", "✖")),
    ):
        hover = "%{x:,} parameters\n%{y:.2f}% error"
        x, y = [p.params for p in points], [p.error for p in points]
        figure.add_trace(trace(x, y, name, style, hover=hover))
    table = pd.DataFrame([*COPYCATS, *SNIP])
    table.columns = ["network", "parameters", "error, %", "from"]
    for scale, networks in (ours or {}).items():
        means = by_family(networks[networks["family"].isin(MAIN)])
        for name, rows in means.groupby("family", sort=False):
            title = f"{FAMILIES[name].title}, ours at {scale}"
            figure.add_trace(
                trace(
                    rows["params"],
                    rows["error"],
                    title,
                    STYLES[name],
                    mode="markers",
                    hover="%{x:,.0f} parameters\n%{y:.2f}% error",
                    records=[[f"{scale}/{key}" for key in keys] for keys in rows["keys"]],
                )
            )
            own = rows[["params", "error"]].set_axis(["parameters", "error, %"], axis=1)
            own["parameters"] = own["parameters"].round().astype(int)
            table = pd.concat([table, own.assign(network=title, **{"from": "our records"})])
    figure.update_layout(xaxis_title=AXES["params"], yaxis_title="test error, per cent")
    alt = (
        "Published errors on CIFAR-10 at 32×32, trained for 200 epochs: copycats and SNIP's "
        "networks. Smaller scales have smaller images and shorter training: errors compare within "
        "a scale only."
    )
    return describe_figure(figure, "What others published", alt, table)
