"""Records of the benchmarks in, figures and sentences of the chapter on speed out.

`make bench` writes the records. They are of one machine and say which; another one's numbers
differ, its ratios less so.
"""

import json
from itertools import cycle, product
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.choices import Choices
from prunelib.book.figures import LINES, STYLES, finish
from prunelib.book.prose.words import interval
from prunelib.errors import Missing, PrunelibError
from prunelib.text import counted, short

TITLES = {
    "base": "Base network",
    "pruned": "Pruned architecture",
    "pruned-rounded": "Pruned architecture, rounded to eights",
    "copycat": "Copycat",
    "copycat-rounded": "Copycat, rounded to eights",
    "bottleneck": "Bottleneck",
    "reduced-width": "Reduced width",
}
ENGINES = ("ONNX Runtime", "PyTorch")
STEP = 16
"""Channels that processors with wide vectors work on at once."""


def read(results: str | Path, name: str) -> dict:
    """The record of a benchmark.

    Raises:
        Missing: it has not been run.
        PrunelibError: the record is damaged.
    """
    path = Path(results) / "benchmarks" / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Missing(f"{path} is not there; measure it with: make bench") from None
    except (OSError, ValueError) as error:
        raise PrunelibError(f"{path} is not a record of a benchmark: {error}") from None


def provenance(record: dict) -> str:
    """One sentence: on what, with what and when a benchmark was run."""
    made = record["circumstances"]
    return (
        f"Benchmark on {made['hardware']}, {made['cores']} cores, PyTorch {made['torch']}, "
        f"{made['finished'][:10]}."
    )


def engine(row: pd.Series | dict) -> str:
    """What computed a row, and in which number format."""
    return f"{row['engine']}, {row['precision']}"


def latency(record: dict) -> Choices:
    """Time of inference against MACs, both as shares of the base network's.

    On the diagonal a network is as much faster as it computes less.
    """
    rows = pd.DataFrame(record["rows"])
    rows["computed by"] = rows.apply(engine, axis=1)
    rows = rows[rows["threads"] == 1]
    rows["title"] = [f"{n} at {s}×{s}" for n, s in zip(rows["network"], rows["size"], strict=True)]
    questions = {
        "network": list(rows["title"].unique()),
        "images at once": [str(n) for n in rows["batch"].unique()],
        "computed by": sorted(
            rows["computed by"].unique(), key=lambda n: not n.startswith(ENGINES[0])
        ),
    }
    figures = {}
    for answers in product(*questions.values()):
        network, batch, computed = answers
        chosen = rows[
            (rows["title"] == network)
            & (rows["batch"] == int(batch))
            & (rows["computed by"] == computed)
        ]
        if len(chosen) > 1:
            figures[answers] = latency_figure(chosen, answers, provenance(record))
    return Choices({name: tuple(found) for name, found in questions.items()}, figures)


def latency_figure(rows: pd.DataFrame, answers: tuple[str, ...], made: str) -> go.Figure:
    """One answer of `latency`."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="as fast as MACs say",
        line={"color": "#7f7f7f", "dash": "dot"},
        hoverinfo="skip",
    )
    for family, group in rows.groupby("family", sort=False):
        style = STYLES.get(family.removesuffix("-rounded"), STYLES["pruned-from-scratch"])
        symbol = f"{style.marker}-open" if family.endswith("-rounded") else style.marker
        figure.add_scatter(
            x=group["macs_share"].tolist(),
            y=group["against_base"].tolist(),
            mode="markers",
            name=TITLES[family],
            marker={"symbol": symbol, "size": 11, "color": style.colour},
            customdata=group[["params", "ms"]].values.tolist(),
            hovertemplate=f"{TITLES[family]}<br>%{{customdata[0]:,}} parameters<br>"
            "%{customdata[1]:.3g} ms<br>%{x:.0%} of the MACs, %{y:.0%} of the time<extra></extra>",
        )
    figure.update_xaxes(
        title="MACs, share of the base network's", tickformat=".0%", range=[0, 1.05]
    )
    figure.update_yaxes(
        title="time, share of the base network's", tickformat=".0%", rangemode="tozero"
    )
    table = pd.DataFrame(
        {
            "network": [TITLES[f] for f in rows["family"]],
            "parameters": rows["params"],
            "MACs": rows["macs"],
            "ms": rows["ms"],
            "time, share": rows["against_base"],
            "MACs, share": rows["macs_share"],
        }
    )
    smaller = rows[rows["family"] != "base"]
    alt = (
        f"{answers[0]}, {counted(int(answers[1]), 'image')} at once, {answers[2]}: networks with "
        f"{smaller['macs_share'].min():.0%} to {smaller['macs_share'].max():.0%} of the base "
        f"network's multiply-accumulates take {smaller['against_base'].min():.0%} to "
        f"{smaller['against_base'].max():.0%} of its time. {made}"
    )
    return finish(figure, alt, table)


def comparable(record: dict) -> pd.DataFrame:
    """Inference on one thread in float32, by the engines that all networks were timed with."""
    rows = pd.DataFrame(record["rows"])
    single = (rows["threads"] == 1) & (rows["precision"] == "float32")
    return rows[single & rows["engine"].isin(ENGINES)]


SETTING = ["network", "size", "budget", "engine", "batch"]


def latency_answer(record: dict) -> str:
    """How much faster small networks are, and which of them, as a Markdown list."""
    rows = comparable(record)
    rows = rows[~rows["family"].str.endswith("-rounded")]
    smallest = rows[rows["budget"] == rows.groupby("size")["budget"].transform("min")]
    lines = []
    for (network, size), group in smallest.groupby(["network", "size"], sort=False):
        share = group["macs_share"]
        lines.append(
            f"- Networks of **{short(group['budget'].iloc[0])}** parameters have "
            f"{share.min():.0%} to {share.max():.0%} of the multiply-accumulates of {network} at "
            f"{size}×{size}. Their share of its time:"
        )
        for (computed, batch), part in group.groupby(["engine", "batch"]):
            ranked = part.sort_values("against_base")
            times = [f"{TITLES[r.family]} {r.against_base:.0%}" for r in ranked.itertuples()]
            images = "one image" if batch == 1 else f"{batch} images"
            noise = ((part["high"] - part["low"]) / part["ms"]).median()
            lines.append(
                f"  - {images} at once, {computed}: {', '.join(times)} (half of the rounds lie "
                f"within {noise:.0%})."
            )
    groups = [g.set_index("family")["ms"] for _, g in rows.dropna().groupby(SETTING)]
    fastest = pd.Series([g.idxmin() for g in groups]).value_counts()
    slowest = pd.Series([g.idxmax() for g in groups]).value_counts()
    lines.append(
        f"- Over all {len(groups)} comparisons at equal parameters **{TITLES[fastest.index[0]]}** "
        f"is the fastest in {fastest.iloc[0]}, and **{TITLES[slowest.index[0]]}** the slowest in "
        f"{slowest.iloc[0]}."
    )
    return "\n".join([*lines, "", provenance(record)])


def rounding_answer(record: dict) -> str:
    """Whether widths that are multiples of 8 make a network faster."""
    rows = comparable(record)
    ms = rows.dropna().set_index([*SETTING, "family"])["ms"]
    rounded = ms[ms.index.get_level_values("family").str.endswith("-rounded")]
    parts = {}
    for (*setting, family), value in rounded.items():
        ratio = value / ms[(*setting, family.removesuffix("-rounded"))]
        parts.setdefault(setting[SETTING.index("engine")], []).append(ratio)
    facts = [
        f"{name} takes {min(ratios):.2f} to {max(ratios):.2f} of the time ({len(ratios)} pairs)"
        for name, ratios in parts.items()
    ]
    return (
        "With the same parameters and bottleneck widths rounded to multiples of 8, "
        f"{', '.join(facts)}. {provenance(record)}"
    )


def widths(record: dict, images: int = 128) -> go.Figure:
    """Time of a block's two convolutions by the number of channels between them."""
    rows = pd.DataFrame(record["widths"])
    rows = rows[rows["batch"] == images]
    figure = go.Figure()
    for (names, group), style in zip(
        rows.groupby(["engine", "precision"], sort=False), LINES, strict=False
    ):
        figure.add_scatter(
            x=group["width"].tolist(),
            y=group["ms"].tolist(),
            mode="lines+markers",
            name=", ".join(names),
            line={"color": style.colour, "dash": style.dash},
            marker={"symbol": style.marker, "size": 8},
            hovertemplate="%{x} channels<br>%{y:.2f} ms<extra></extra>",
        )
    figure.update_xaxes(title="channels between the convolutions", dtick=STEP)
    figure.update_yaxes(title=f"milliseconds for {images} images", rangemode="tozero")
    table = rows.assign(computed=rows.apply(engine, axis=1)).pivot(
        index="width", columns="computed", values="ms"
    )
    table = table.reset_index().rename(columns={"width": "channels"})
    alt = f"Time of two 3×3 convolutions by their bottleneck width. {widths_answer(record, images)}"
    return finish(figure, alt, table)


def widths_answer(record: dict, images: int = 128) -> str:
    """What the first channel beyond a multiple of 16 costs, and what the 15 after it cost."""
    rows = pd.DataFrame(record["widths"])
    rows = rows[rows["batch"] == images]
    sentences = []
    for names, group in rows.groupby(["engine", "precision"], sort=False):
        ms = group.set_index("width")["ms"]
        pairs = [(w, w + 1) for w in (16, 32, 48) if {w, w + 1} <= set(ms.index)]
        steps = [f"{b} channels take {ms[b] / ms[a]:.2f} times as long as {a}" for a, b in pairs]
        inside = [(a, b) for a, b in ((17, 32), (33, 48), (49, 64)) if {a, b} <= set(ms.index)]
        steps += [f"{b} take {ms[b] / ms[a]:.2f} times as long as {a}" for a, b in inside]
        if steps:
            sentences.append(f"{', '.join(names)}: {', '.join(steps)}.")
    return " ".join([*sentences, provenance(record)])


def ratios(records: list[dict]) -> go.Figure:
    """Our time as a share of another code's, with quartiles; a record for each other code."""
    figure, tables = go.Figure(), []
    for record, style in zip(records, LINES, strict=False):
        name = f"{record['against']} in float32, ours in {record['circumstances']['precision']}"
        rows = [row for key, row in record["rows"].items() if key in COMPARED]
        titles = [wrapped(row) for row in rows]
        ratio = [row["ratio"] for row in rows]
        figure.add_scatter(
            x=ratio,
            y=titles,
            mode="markers",
            name=f"against {name}",
            marker={"symbol": style.marker, "size": 11, "color": style.colour},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row.get("high", r) - r for row, r in zip(rows, ratio, strict=True)],
                "arrayminus": [r - row.get("low", r) for row, r in zip(rows, ratio, strict=True)],
            },
            customdata=[[row["ms"], row["against_ms"]] for row in rows],
            hovertemplate="%{y}<br>%{customdata[0]:.3g} ms, not %{customdata[1]:.3g} ms"
            "<br>ratio %{x:.2f}<extra></extra>",
        )
        tables.append(
            pd.DataFrame(
                {
                    "what": [row["title"] for row in rows],
                    "against": name,
                    "ours, ms": [row["ms"] for row in rows],
                    "theirs, ms": [row["against_ms"] for row in rows],
                    "ratio": ratio,
                }
            )
        )
    figure.add_vline(x=1, line={"color": "#888888"})
    figure.update_xaxes(title="our time, as a share of theirs", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True)
    table = pd.concat(tables)
    figure.update_layout(height=160 + 70 * table["what"].nunique())
    facts = " ".join(
        f"Against {name}: "
        + "; ".join(f"{row.what} {row.ratio:.2f}" for row in group.itertuples())
        + "."
        for name, group in table.groupby("against", sort=False)
    )
    alt = f"Our time as a share of theirs. {facts} {provenance(records[0])}"
    return finish(figure, alt, table)


def wrapped(row: dict) -> str:
    """What was timed, in lines short enough for a phone."""
    what = row["title"].removesuffix(row["network"])
    return f"{what.replace(', ', ',<br>', 1)}<br>{row['network']}"


COMPARED = ("wide", "narrow", "data", "pruning", "wide-pruning")
"""The rows of `benchmarks/steps.py` that stand against another code."""


def removals(record: dict) -> Choices:
    """Time of a removal against the MACs that are left: ours falls, that of masks does not."""
    figures = {}
    for row in (row for row in record["rows"].values() if "ms_at" in row):
        figure = go.Figure()
        macs = row["macs_at"]
        for name, times, style in (
            ("prunelib", row["ms_at"], LINES[0]),
            (record["against"], row["against_ms_at"], LINES[1]),
        ):
            figure.add_scatter(
                x=macs,
                y=[t / 1e3 for t in times],
                mode="lines+markers",
                name=name,
                line={"color": style.colour, "dash": style.dash},
                marker={"symbol": style.marker, "size": 9},
                hovertemplate="%{x:,} MACs<br>%{y:.2f} s<extra></extra>",
            )
        figure.update_xaxes(title="MACs of the network that is left", autorange="reversed")
        figure.update_yaxes(
            title=f"seconds for a removal and its {row['steps']} updates", rangemode="tozero"
        )
        table = pd.DataFrame(
            {
                "MACs": macs,
                "prunelib, s": [t / 1e3 for t in row["ms_at"]],
                f"{record['against']}, s": [t / 1e3 for t in row["against_ms_at"]],
            }
        )
        alt = (
            f"{row['title']}: from first to last the time goes to {last(row['ms_at'])} of what it "
            f"was, that of {record['against']} to {last(row['against_ms_at'])}, while "
            f"multiply-accumulates fall to {last(macs)}. The whole run takes {row['ratio']:.2f} of "
            f"the time of {record['against']}. {provenance(record)}"
        )
        figures[(row["network"],)] = finish(figure, alt, table)
    if not figures:
        raise Missing("there are no records to draw this from")
    return Choices({"network": tuple(answers[0] for answers in figures)}, figures)


def last(values: list[float]) -> str:
    """The last of some values as a share of the first."""
    return f"{values[-1] / values[0]:.0%}"


def parts(record: dict) -> go.Figure:
    """Where the time of an update goes, by kind of operation."""
    rows = [row for row in record["rows"].values() if "parts" in row]
    if not rows:
        raise Missing("there are no records to draw this from")
    names = [row["network"] for row in rows]
    figure = go.Figure()
    patterns = ("", "/", ".", "x", "-", "|", "+", "\\")
    colours = [*(style.colour for style in LINES), "#56b4e9", "#9922ee"]
    for kind, colour, pattern in zip(
        rows[0]["parts"], cycle(colours), cycle(patterns), strict=False
    ):
        figure.add_bar(
            y=names,
            x=[row["parts"][kind] for row in rows],
            orientation="h",
            name=kind,
            marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate=f"{kind}<br>%{{x:.0%}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", height=180 + 70 * len(rows))
    figure.update_xaxes(title="share of the time of an update", tickformat=".0%", range=[0, 1])
    shares = "; ".join(
        f"{name}: "
        + ", ".join(f"{kind} {share:.0%}" for kind, share in row["parts"].items() if share >= 0.01)
        for name, row in zip(names, rows, strict=True)
    )
    table = pd.DataFrame(
        [
            {"what": kind} | {n: r["parts"][kind] for n, r in zip(names, rows, strict=True)}
            for kind in rows[0]["parts"]
        ]
    )
    return finish(figure, f"Where the time goes. {shares}. {provenance(record)}", table)


def peak_answer(record: dict) -> str:
    """The rate of floating-point operations, beside that of a matrix product."""
    rows = [row for row in record["rows"].values() if "parts" in row]
    made = record["circumstances"]
    facts = ", ".join(
        f"an update of {row['network']} reaches "
        f"{row['gflops']:.0f} GFLOP/s, **{row['ratio']:.0%}** of the {row['against_gflops']:.0f} "
        "of a matrix product"
        for row in rows
    )
    limit = f", with no instructions beyond {record['limit']}" if record.get("limit") else ""
    return (
        f"On {counted(made['threads'], 'thread')}, in {made['precision']}{limit}, {facts}. "
        f"{provenance(record)}"
    )


def steps_answer(record: dict) -> str:
    """What the data and the saliency cost, and what loops of our own gain."""
    rows = record["rows"]
    saliency = [
        f"{rows[k]['ratio'] - 1:.0%} ({rows[k]['network']})"
        for k in ("wide-fisher", "fisher")
        if k in rows
    ]
    facts = []
    if "data" in rows:
        facts.append(
            f"Making a batch takes {rows['data']['share']:.1%} of an update with its batch."
        )
    if saliency:
        facts.append(f"Reading saliency makes fine-tuning longer by {', '.join(saliency)}.")
    gains = [
        f"{rows[k]['ratio']:.2f} ({rows[k]['network']})"
        for k in ("wide-loops", "loops")
        if k in rows
    ]
    if gains:
        facts.append(
            "On one thread batch norm and ReLU are one, in loops that Numba compiles: "
            f"an update takes {' and '.join(gains)} of the time with PyTorch's own operators."
        )
    return " ".join([*facts, provenance(record)])


def executors_answer(record: dict) -> str:
    """What several runs at once gain, and what handing out a run costs."""
    rows = dict(record["rows"])
    one = rows.pop("one process")
    gains = [f"{name} in **{row['ratio']:.2f}** of that" for name, row in rows.items()]
    costs = [f"{1e3 * row['overhead_seconds']:.0f} ms ({name})" for name, row in rows.items()]
    most = max(row["overhead_of_mini"] for row in rows.values())
    starts = [f"{row['start_seconds']:.1f} s ({name})" for name, row in rows.items()]
    return (
        f"One process runs {record['runs']} short runs in {one['seconds']:.1f} s; "
        f"{'; '.join(gains)}. Starting takes {', '.join(starts)}, handing out a run "
        f"{', '.join(costs)}: at most {100 * most:.1g} % of a run of mini. "
        f"{provenance(record)}"
    )


def precision_answer(record: dict) -> str:
    """Whether the number format changes what is found."""
    rows = pd.DataFrame(record["rows"])
    apart = rows["bfloat16"] - rows["float32"]
    seeds = rows.groupby(["family", "budget"], dropna=False)["float32"].std().mean()
    return (
        f"The same {len(rows)} networks of scale {record['scale']} were trained in both number "
        f"formats. Error in bfloat16 minus error in float32, points: **{interval(apart)}**. The "
        f"standard deviation of a pair's difference is {apart.std():.2f}, that from seed to seed "
        f"{seeds:.2f}. {provenance(record)}"
    )


def everyday_answer(record: dict) -> str:
    """What people wait for at the command line."""
    waits = [f"`{name}` {seconds:.2f} s" for name, seconds in record["seconds"].items()]
    waits += [
        f"`prunelib status` over {row['records']:,} records {row['seconds']:.2f} s"
        for row in record["status"]
    ]
    memory = (
        f" An epoch of training at mini holds {record['mini_megabytes'] / 1000:.2f} GB of memory."
        if "mini_megabytes" in record
        else ""
    )
    return f"{', '.join(waits)}.{memory} {provenance(record)}"
