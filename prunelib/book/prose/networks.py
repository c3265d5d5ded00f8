"""Networks within a budget, in words."""

from collections.abc import Iterable, Sequence

from prunelib.book.escape import code, markdown
from prunelib.book.prose.words import missing
from prunelib.errors import PrunelibError
from prunelib.evidence import benchmarks
from prunelib.evidence.budget import best_designs, comparable_views
from prunelib.evidence.design import Design
from prunelib.evidence.view import View
from prunelib.study.families import BOTTLENECK, COPYCAT, FAMILIES, REDUCED, SCRATCH
from prunelib.study.scale import Scale
from prunelib.study.specs import training_of
from prunelib.study.store import Record
from prunelib.text import counted, fixed, short

SHORT_NAMES = {
    SCRATCH: "pruned shape",
    COPYCAT: "copycat",
    BOTTLENECK: "bottleneck",
    REDUCED: "reduced width",
}
"""Names of families in a narrow table."""
SAME = "the same network"


def designs(view: View, budget: int, found: Sequence[Design], inference: dict | None = None) -> str:
    """Networks within a budget as a table, the best first.

    Args:
        view: of the scale that is asked for.
        budget: parameters.
        found: ranked.
        inference: the record of the benchmark, if it has been run.
    """
    if not found:
        return missing(view, "networks to design from")
    times = [time_text(view.scale, network, inference) for network in found]
    rows = [cells(network, time) for network, time in zip(found, times, strict=True)]
    rows[0] = [f"**{cell}**" for cell in rows[0]]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    timed = ""
    if inference and any(times):
        hardware = markdown(inference["circumstances"]["hardware"])
        timed = f" ms: milliseconds for one image, ONNX Runtime, one thread of {hardware}."
    return (
        f"Within **{budget:,} parameters**, best first:\n\n"
        "| train a | epochs | error | size | MACs | ms |\n"
        "|---|--:|--:|--:|--:|--:|\n"
        f"{table}\n\n"
        f"{signs(table).strip()} Size: parameters. MACs: multiply-accumulates for one image. "
        "Longer training is on as many images as it takes to train and prune the base "
        f"network; the longest adds those of retraining.{timed}"
    )


def cells(network: Design, time: str | None) -> list[str]:
    """The row of a network in the table."""
    return [
        SHORT_NAMES.get(network.family, FAMILIES[network.family].title).capitalize(),
        str(network.epochs),
        "not measured" if network.expected.error is None else approximately(network),
        short(network.params),
        short(network.macs),
        time or "–",
    ]


def time_text(scale: Scale, network: Design, inference: dict | None) -> str | None:
    """What one image takes a network, where it was measured."""
    if inference is None:
        return None
    base = f"WRN-{scale.base.depth}-{scale.base.width:g}"
    found = benchmarks.interpolated_time(
        inference, base, scale.data.image_size, network.family, network.macs
    )
    return None if found is None else fixed(found)


def to_take(scale: Scale, budget: int, best: Design, released: Record | None) -> str:
    """How to get the best network within a budget: trained already, by a command, by a script.

    Args:
        scale: that the best network is trained at.
        budget: parameters.
        best: the best network within the budget.
        released: the best one whose weights are released.
    """
    export = f"prunelib export --params {budget}"
    if released is None:
        now = "No weights of networks within this budget are released."
    else:
        outcome, protocol = released.outcome, training_of(released.spec).protocol
        now = (
            f"Best of those whose weights are released: a network of {outcome['params']:,} "
            f"parameters, trained for {counted(protocol.epochs, 'epoch')}, with "
            f"{fixed(outcome['error'])}% error on record (run {code(released.key)}). This writes "
            f"it to a file, without training:\n\n```bash\n{export} -o net.onnx\n```"
        )
    return (
        f"{now}\n\nTrain the first of the table, which takes "
        f"{counted(best.epochs, 'epoch')}, and write it to a file:\n\n"
        f"```bash\n{export} --train -o net.onnx --data ~/cifar10\n```\n\n"
        f"The same in Python:\n\n```python\n{script(scale, best)}\n```"
    )


def script(scale: Scale, network: Design) -> str:
    """Python that trains a designed network."""
    p = network.runs[0].protocol
    size = scale.data.image_size
    if scale.source is not None:
        where = f"load_source(Source({str(scale.source.path)!r}), {size}, {scale.data.channels})[0]"
        load = "from prunelib.training.source import Source, load_source"
    else:
        where = f'load("{scale.data.name}", {size})'
        load = "from prunelib.training.data import load"
    return f"""import torch
from prunelib import ChannelProfile, WideResNet, train
{load}
from prunelib.training.protocols import TrainProtocol

data = {where}
profile = {network.python}
protocol = TrainProtocol(
    epochs={p.epochs},
    milestones={p.milestones},
    batch_size={p.batch_size},
    pad={p.pad},
    flip={p.flip},
)
torch.manual_seed(0)
network = WideResNet(profile, data.shape.num_classes, data.shape.in_channels)
history = train(network, data, protocol, seed=0)
print(f"test error {{history[-1].test_error:.2f}}%")
torch.save(network.state_dict(), "network.pt")"""


def budgets(views: Iterable[View], sizes: tuple[int, ...]) -> str:
    """The best network within each of some budgets, as a narrow Markdown table.

    It is of the first studies that have such networks: the smallest scale has none so large.
    """
    views = list(views)
    tables = (budget_rows(comparable_views(views[i:]), sizes) for i in range(len(views)))
    rows = next(filter(None, tables), None)
    if not rows:
        return missing(views[0], "networks to design from")
    table = "\n".join(rows)
    again = " The same network: nothing larger did better." if SAME in table else ""
    return (
        "**Your budget**\n\n| size | train a | error |\n|---|---|---|\n"
        f"{table}\n\nTest errors on {markdown(views[0].images)}.{signs(table)}{again} "
        "[Any other size](design.html), [your own images](your-data.html)"
    )


def budget_rows(views: list[View], sizes: tuple[int, ...]) -> list[str]:
    """The rows of that table, of studies that differ in the length of training alone."""
    rows: list[str] = []
    before: tuple = ()
    for size in sizes:
        try:
            best = best_designs(views, size)[0]
        except PrunelibError:
            continue
        if best.expected.error is not None:
            what = f"{SHORT_NAMES[best.family]}, {best.epochs} epochs"
            own = best.scale, best.family, best.length, best.params
            what = SAME if own == before else what
            rows.append(f"| **{short(size)}** | {what} | {approximately(best)} |")
            before = own
    return rows


def approximately(network: Design) -> str:
    """An error; a sign before it says that no run had that size, one behind it that one had."""
    note = network.expected.note
    sign = "" if note.startswith("mean") else "≈ "
    single = "\\*" if note == "mean of 1 run" else ""
    return f"{sign}{fixed(network.error, 1)}%{single}"


def signs(told: str) -> str:
    """What the signs of errors in a table mean, of those that it has."""
    meanings = {"≈": "read off between two measured sizes", "\\*": "one run only"}
    return "".join(f" {sign}: {means}." for sign, means in meanings.items() if sign in told)
