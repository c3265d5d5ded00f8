"""Channel profiles: what each block keeps."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from prunelib.book.escape import plotly
from prunelib.book.figures.style import (
    GREY,
    OLIVE,
    STYLES,
    TEAL,
    describe_figure,
    line_style,
    trace,
)
from prunelib.nets.profile import ChannelProfile


def channel_shares(profiles: dict[str, ChannelProfile]) -> dict[str, list[float]]:
    """Channels of each block, per cent of those of the widest full network among the profiles."""
    width = max(p.width for p in profiles.values())
    found = {}
    for name, p in profiles.items():
        whole = ChannelProfile.full(p.depth, width).middle
        found[name] = [100 * ours / full for ours, full in zip(p.middle, whole, strict=True)]
    return found


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
        subplot_titles=[plotly(title) for title in profiles],
    )
    rows, left = [], channel_shares(profiles)
    for row, (title, profile) in enumerate(profiles.items(), 1):
        numbers = [block.number for block in profile.blocks]
        figure.add_bar(
            x=numbers,
            y=left[title],
            text=[str(block.middle) for block in profile.blocks],
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            marker={
                "color": TEAL,
                "pattern": {"shape": ["/" if n in profile.strided else "" for n in numbers]},
            },
            hovertemplate="block %{x}: %{text} channels, %{y:.0f}%<extra></extra>",
            showlegend=False,
            name=plotly(title),
            row=row,
            col=1,
        )
        figure.update_yaxes(title="% left", range=[0, 122], row=row, col=1)
        rows += [
            (title, b.number, b.middle, share)
            for b, share in zip(profile.blocks, left[title], strict=True)
        ]
    figure.update_xaxes(dtick=1)
    figure.update_xaxes(title="block (hatched: halves the resolution)", row=len(profiles), col=1)
    table = pd.DataFrame(rows, columns=["network", "block", "channels", "% left"])
    height = 120 + 190 * len(profiles)
    return describe_figure(
        figure, "Channels left in each block", kept_most(profiles), table, height
    )


def kept_most(profiles: dict[str, ChannelProfile]) -> str:
    """The description of bars of profiles."""
    last_title, last = list(profiles.items())[-1]
    widest = max(last.blocks, key=lambda b: b.middle / b.c_out)
    keeps = (
        "all blocks are whole."
        if last == last.unpruned
        else f"block {widest.number} keeps the largest share, "
        f"{100 * widest.middle / widest.c_out:.0f} per cent."
    )
    return (
        f"Channels left in each of {len(last.blocks)} blocks for: {'; '.join(profiles)}. "
        f"In {last_title}, {keeps}"
    )


def block_widths(profiles: dict[str, ChannelProfile]) -> go.Figure:
    """Channels outside and inside each block (the paper's figures 2a and 2b), a row per network."""
    figure = make_subplots(
        rows=len(profiles),
        cols=1,
        shared_xaxes=True,
        shared_yaxes="all",
        vertical_spacing=0.1,
        subplot_titles=[plotly(title) for title in profiles],
    )
    rows = []
    for row, (title, profile) in enumerate(profiles.items(), 1):
        for name, style, widths in (
            ("between blocks", {"color": OLIVE, "pattern": {"shape": "/"}}, "c_out"),
            ("inside the block", {"color": TEAL}, "middle"),
        ):
            figure.add_bar(
                x=[b.number for b in profile.blocks],
                y=[getattr(b, widths) for b in profile.blocks],
                name=name,
                marker=style,
                legendgroup=name,
                showlegend=False,
                meta={"label": row == 1, "glyph": "▨" if widths == "c_out" else "■"},
                hovertemplate=f"block %{{x}}: %{{y}} channels {name}<extra></extra>",
                row=row,
                col=1,
            )
        rows += [(title, b.number, b.c_out, b.middle) for b in profile.blocks]
    figure.update_yaxes(title="channels")
    figure.update_xaxes(dtick=1)
    figure.update_xaxes(title="block", row=len(profiles), col=1)
    figure.update_layout(barmode="group")
    alt = (
        f"Channels between and inside the blocks of: {'; '.join(profiles)}. A reduced network is "
        "narrower in both places, a bottleneck network inside its blocks only."
    )
    table = pd.DataFrame(rows, columns=["network", "block", "between blocks", "inside the block"])
    height = 140 + 190 * len(profiles)
    return describe_figure(figure, "Channels between and inside blocks", alt, table, height)


def profile_lines(
    profiles: dict[str, ChannelProfile], families: Sequence[str] | None = None
) -> go.Figure:
    """Shares of the channels left, by block, a line for each profile, to compare their shapes.

    Shares are of the widest full network among the profiles, so that a narrower one lies lower.

    Args:
        profiles: by what they are called.
        families: of each, if they are of families; then their colours and markers are used.
    """
    figure = go.Figure()
    rows, left = [], channel_shares(profiles)
    for i, (title, profile) in enumerate(profiles.items()):
        figure.add_trace(
            trace(
                [b.number for b in profile.blocks],
                left[title],
                title,
                STYLES[families[i]] if families else line_style(i),
                custom=[[b.middle] for b in profile.blocks],
                hover="block %{x}: %{customdata[0]} channels, %{y:.0f}%",
            )
        )
        rows += [
            (title, b.number, b.middle, share)
            for b, share in zip(profile.blocks, left[title], strict=True)
        ]
    first = next(iter(profiles.values()))
    for number in first.strided:
        figure.add_vline(x=number, line={"dash": "dot", "color": GREY})
    figure.update_layout(
        xaxis={
            "title": "block (dotted: halves the resolution)",
            "dtick": 1,
            "range": [0.5, max(len(p.blocks) for p in profiles.values()) + 0.5],
        },
        yaxis={"title": "channels left, per cent", "rangemode": "tozero"},
    )
    table = pd.DataFrame(rows, columns=["network", "block", "channels", "% left"])
    alt = f"Share of channels left in each of {len(first.blocks)} blocks: {'; '.join(profiles)}."
    return describe_figure(figure, "Shapes beside each other", alt, table)
