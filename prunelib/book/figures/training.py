"""Error and loss while a network is trained."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from prunelib.book.figures.style import GREY, describe_figure, line_style, require_rows, trace
from prunelib.text import counted


def learning_curves(epochs: pd.DataFrame, milestones: tuple[int, ...]) -> go.Figure:
    """Test error and training loss by epoch, a line for each seed; milestones are marked."""
    require_rows(epochs)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.6, 0.4]
    )
    for seed, run in epochs.groupby("seed"):
        for row, column in ((1, "test_error"), (2, "train_loss")):
            drawn = trace(
                run["epoch"],
                run[column],
                f"seed {seed}",
                line_style(seed),
                marker={"size": 6},
                label=row == 1,
                records=[[key] for key in run["key"]],
                hover=f"seed {seed}\nepoch %{{x}}: %{{y:.3~f}}",
            )
            figure.add_trace(drawn, row=row, col=1)
    for milestone in milestones:
        figure.add_vline(x=milestone + 0.5, line={"dash": "dot", "color": GREY})
    figure.update_yaxes(title="test error, per cent", row=1, col=1)
    figure.update_yaxes(title="training loss, nats", row=2, col=1)
    figure.update_xaxes(title="epoch", row=2, col=1)
    last = epochs[epochs["epoch"] == epochs["epoch"].max()]
    table = epochs[["seed", "epoch", "test_error", "train_loss"]].rename(
        columns={"test_error": "test error, %", "train_loss": "training loss, nats"}
    )
    alt = (
        f"Test error and training loss by epoch for {counted(len(last), 'seed')}; after the last "
        f"epoch the error is {last['test_error'].min():.2f} to {last['test_error'].max():.2f} per "
        "cent."
    )
    return describe_figure(figure, "Error and loss by epoch", alt, table, height=520)
