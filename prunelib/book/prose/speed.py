"""What the benchmarks say in numbers: records in, sentences (Markdown) out."""

import math

import pandas as pd

from prunelib.book.escape import code, markdown
from prunelib.evidence import benchmarks
from prunelib.evidence.benchmarks import ENGINES, SETTING, single_thread
from prunelib.evidence.statistics import mean_interval
from prunelib.text import counted, fixed, short

NETWORK_TITLES = {
    "base": "Base network",
    "pruned": "Pruned shape",
    "pruned-rounded": "Pruned shape, rounded to eights",
    "copycat": "Copycat",
    "copycat-rounded": "Copycat, rounded to eights",
    "bottleneck": "Bottleneck",
    "reduced-width": "Reduced width",
}


def benchmark_sources(records: dict[str, dict]) -> list[str]:
    """On what, with what and when benchmarks were run: a line of plain text for each.

    Args:
        records: by what a page says from them.
    """
    return [f"{what}: {benchmarks.benchmark_source(record)}" for what, record in records.items()]


def on(record: dict) -> str:
    """The processor of a benchmark, as part of a sentence in Markdown."""
    return f"on {markdown(record['circumstances']['hardware'])}"


def short_answer(record: dict) -> str:
    """How much time the smallest networks save, one image at a time, in a sentence per network."""
    rows = single_thread(record)
    rows = rows[~rows["family"].str.endswith("-rounded") & (rows["batch"] == 1)]
    rows = rows[rows["engine"] == ENGINES[0]].dropna(subset=["budget"])
    bases = rows.groupby(["network", "size"], sort=False)
    saved = " ".join(saving(network, group) for (network, _), group in bases)
    return f"{saved} This is one image at a time, with {markdown(ENGINES[0])} {on(record)}."


def saving(base: str, rows: pd.DataFrame) -> str:
    """How much work and time the smallest networks that are made from a base save, a sentence."""
    small = rows[rows["budget"] == rows["budget"].min()]
    work, time = small["macs_share"], small["against_base"]
    return (
        f"Networks of {short(small['budget'].iloc[0])} parameters do {percents(work)} of the work "
        f"of {markdown(base)} and take **{percents(time)} of its time**."
    )


def percents(shares: pd.Series) -> str:
    """The range of some shares."""
    return f"{100 * shares.min():.0f} to {100 * shares.max():.0f}%"


def latency(record: dict) -> str:
    """How much faster small networks are, and which of them, as a Markdown list."""
    rows = single_thread(record)
    rows = rows[~rows["family"].str.endswith("-rounded")]
    smallest = rows[rows["budget"] == rows.groupby("size")["budget"].transform("min")]
    lines = []
    for (network, size), group in smallest.groupby(["network", "size"], sort=False):
        share = group["macs_share"]
        lines.append(
            f"- Networks of **{short(group['budget'].iloc[0])}** parameters have "
            f"{share.min():.0%} to {share.max():.0%} of the multiply-accumulates of "
            f"{markdown(network)} at "
            f"{markdown(size)}×{markdown(size)}. Their share of its time:"
        )
        for (computed, batch), part in group.groupby(["engine", "batch"]):
            ranked = part.sort_values("against_base")
            times = [
                f"{NETWORK_TITLES[r.family]} {r.against_base:.0%}" for r in ranked.itertuples()
            ]
            images = "one image" if batch == 1 else f"{batch} images at once"
            noise = ((part["high"] - part["low"]) / part["ms"]).median()
            lines.append(
                f"  - {images}, {markdown(computed)}: {', '.join(times)}; spread {noise:.0%}."
            )
    groups = [g.set_index("family")["ms"] for _, g in rows.dropna().groupby(SETTING)]
    fastest = pd.Series([g.idxmin() for g in groups]).value_counts()
    slowest = pd.Series([g.idxmax() for g in groups]).value_counts()
    lines.append(
        f"- Over all {len(groups)} comparisons at equal parameters, larger sizes included, "
        f"**{NETWORK_TITLES[fastest.index[0]]}** is the fastest in {fastest.iloc[0]}, and "
        f"**{NETWORK_TITLES[slowest.index[0]]}** the slowest in {slowest.iloc[0]}."
    )
    lines.append(
        "- *Spread*: the range of the middle half of the repeated timings, over their median."
    )
    return "\n".join(lines)


def rounding(record: dict) -> str:
    """Whether widths that are multiples of 8 make a network faster."""
    rows = single_thread(record)
    ms = rows.dropna().set_index([*SETTING, "family"])["ms"]
    rounded = ms[ms.index.get_level_values("family").str.endswith("-rounded")]
    parts: dict[str, list[float]] = {}
    for (*setting, family), value in rounded.items():
        ratio = value / ms[(*setting, family.removesuffix("-rounded"))]
        parts.setdefault(setting[SETTING.index("engine")], []).append(ratio)
    facts = [
        f"{markdown(name)} takes {min(ratios):.2f} to {max(ratios):.2f} of the time "
        f"({len(ratios)} pairs)"
        for name, ratios in parts.items()
    ]
    return (
        "With the same parameters and bottleneck widths rounded to multiples of 8, "
        f"{', '.join(facts)}."
    )


def peak(record: dict) -> str:
    """The rate of floating-point operations, beside that of a matrix product."""
    rows = [row for row in record["rows"].values() if "parts" in row]
    made = record["circumstances"]
    number = markdown(made["precision"])
    facts = "; ".join(
        f"an update of {markdown(row['network'])} reaches "
        f"{row['gflops']:.0f} GFLOP/s, **{row['ratio']:.0%}** of the {row['against_gflops']:.0f} "
        "of a matrix product"
        for row in rows
    )
    limit = record.get("limit")
    without = f", with no instructions beyond {markdown(limit)}" if limit else ""
    return (
        f"On {counted(made['threads'], 'thread')} of {markdown(made['hardware'])}, in {number}"
        f"{without}, {facts}."
    )


def against_authors(record: dict) -> str:
    """Our time as a share of that of the authors' code, a sentence."""
    updates, removals = (
        " and ".join(
            f"**{row['ratio']:.0%}** ({markdown(row['network'])})"
            for row in (record["rows"].get(name) for name in names)
            if row is not None
        )
        for names in (("wide", "narrow"), ("wide-pruning", "pruning"))
    )
    return (
        f"In {markdown(record['circumstances']['precision'])} {on(record)}, an update takes "
        f"{updates} of the time of the authors' code in float32, and a removal {removals}."
    )


def steps(record: dict) -> str:
    """What the data and the saliency cost, and what loops of our own gain."""
    rows = record["rows"]
    saliency = [
        f"{rows[k]['ratio'] - 1:.0%} ({markdown(rows[k]['network'])})"
        for k in ("wide-fisher", "fisher")
        if k in rows
    ]
    facts = []
    if "data" in rows:
        facts.append(
            f"Making a batch takes {rows['data']['share']:.1%} of the time of an update with its "
            "batch."
        )
    if saliency:
        facts.append(f"Reading saliency makes fine-tuning longer by {', '.join(saliency)}.")
    gains = [
        f"{rows[k]['ratio']:.2f} ({markdown(rows[k]['network'])})"
        for k in ("wide-loops", "loops")
        if k in rows
    ]
    if gains:
        facts.append(
            "On one thread, batch norm and ReLU run as one loop that Numba compiles: "
            f"an update takes {' and '.join(gains)} of the time with PyTorch's own operators."
        )
    return " ".join(facts)


def executors(record: dict) -> str:
    """What several runs at once gain, and what handing out a run costs."""
    rows = dict(record["rows"])
    one = rows.pop("one process")
    rows = {markdown(name): row for name, row in rows.items()}
    gains = [f"{name} in **{row['ratio']:.2f}** of that" for name, row in rows.items()]
    costs = [f"{1e3 * row['overhead_seconds']:.0f} ms ({name})" for name, row in rows.items()]
    most = max(row["overhead_of_mini"] for row in rows.values())
    starts = [f"{row['start_seconds']:.1f} s ({name})" for name, row in rows.items()]
    return (
        f"One process runs {markdown(record['runs'])} short runs in {one['seconds']:.1f} s; "
        f"{'; '.join(gains)}. Starting takes {', '.join(starts)}. Handing out a run takes "
        f"{', '.join(costs)}: at most {100 * most:.1g}% of a run of mini."
    )


def gpu(record: dict) -> str:
    """What CUDA graphs gain on a GPU, whether small networks gain there, and runs at once."""
    whole, *small = record["rows"].items()
    updates = [
        f"| {markdown(name)} | {row['plain_ms']:.1f} ms | {row['graph_ms']:.1f} ms |"
        for name, row in (whole, *small)
    ]
    times = [row["graph_ms"] / whole[1]["graph_ms"] for name, row in small if "80K" in name]
    rates = [
        f"| {row['processes']} | {'yes' if row['mps'] else 'no'} | {row['updates_a_second']:,} |"
        for row in record["together"]
    ]
    return "\n".join(
        [
            f"An update with 128 images {on(record)}:",
            "",
            "| network | without a graph | as a CUDA graph |",
            "|---|---|---|",
            *updates,
            "",
            "**A small network trains no faster on a large GPU by itself**: networks of 80K "
            f"parameters take {min(times):.1f} to {max(times):.1f} times as long as "
            f"{markdown(whole[0])}. They launch as many kernels, each of which ends within "
            "microseconds, and channel counts that are not multiples of 8 are padded first. So run "
            "several at once, under NVIDIA's MPS, which lets processes use the GPU at the same "
            f"time. Updates per second of {markdown(whole[0])}:",
            "",
            "| processes | MPS | updates per second, together |",
            "|---|---|---|",
            *rates,
        ]
    )


def few_channels(record: dict) -> str:
    """How much faster small networks train with kernels made for few channels."""
    rows = [
        f"| {markdown(row['network'])} | {row['against_ms']:.0f} ms | {row['ms']:.0f} ms | "
        f"{row['against_ms'] / row['ms']:.1f} |"
        for row in record["rows"]
    ]
    return "\n".join(
        [
            f"An update with 128 images on one core {on(record)}:",
            "",
            "| network | the library | kernels for few channels | times as fast |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def precision(record: dict) -> str:
    """Whether the number format changes what is found."""
    rows = pd.DataFrame(record["rows"])
    apart = rows["bfloat16"] - rows["float32"]
    within = rows.groupby(["family", "budget"], dropna=False)["float32"].var().mean()
    middle, low, high = mean_interval(list(apart))
    better = "float32" if middle > 0 else "bfloat16"
    found = "No difference was found" if low < 0 < high else f"{better} is better"
    return (
        f"The same {len(rows)} networks of scale {markdown(record['scale'])} were trained in both "
        f"number formats. **{found}**: on average {better} is better by {fixed(abs(middle))} "
        f"points of test error, give or take {fixed((high - low) / 2)}. Two runs of a pair "
        f"differ by {fixed(apart.std())} points (standard deviation), two seeds by "
        f"{fixed(math.sqrt(2 * within))}."
    )


def everyday(record: dict) -> str:
    """What people wait for at the command line."""
    waits = [f"{code(name)} {seconds:.2f} s" for name, seconds in record["seconds"].items()]
    waits += [
        f"`prunelib status` over {row['records']:,} records {row['seconds']:.2f} s"
        for row in record["status"]
    ]
    memory = (
        f" An epoch of training at mini holds {record['mini_megabytes'] / 1000:.2f} GB of memory."
        if "mini_megabytes" in record
        else ""
    )
    return f"Waiting times: {', '.join(waits)}.{memory}"
