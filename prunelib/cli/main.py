"""The `prunelib` command. PyTorch and pandas are imported by the commands that need them only."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import click

from prunelib import __version__
from prunelib import text as units
from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile


class Converted(click.ParamType):
    """An option's type, from a function that raises PrunelibError."""

    def __init__(self, name: str, convert) -> None:
        self.name, self.function = name, convert

    def convert(self, value, param, ctx):
        """Apply the function to text; what is not text is converted already."""
        return self.function(value) if isinstance(value, str) else value


COUNT = Converted("count", units.count)
COUNTS = Converted("counts", lambda text: tuple(units.count(part) for part in text.split(",")))
NAMES = Converted("names", lambda text: tuple(part.strip() for part in text.split(",")))
SEED = click.IntRange(0, 2**31 - 1)


def options(*decorators):
    """One decorator of several."""

    def decorate(function):
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


places = options(
    click.option(
        "--results",
        type=click.Path(path_type=Path),
        default="results",
        show_default=True,
        help="Folder with the records.",
    ),
    click.option(
        "--data",
        type=click.Path(path_type=Path),
        help="Folder with CIFAR-10.  [default: PRUNELIB_DATA, else data]",
    ),
    click.option("--device", help="cpu, cuda or cuda:N.  [default: a GPU if there is one]"),
    click.option(
        "--precision",
        type=click.Choice(["bfloat16", "float32"]),
        help="Of convolutions and products.  [default: bfloat16 where it is fast]",
    ),
)
selection = options(
    click.option("--families", type=NAMES, help="Some of the families, separated by commas."),
    click.option("--seeds", type=int, help="Number of seeds.  [default: the scale's]"),
    click.option("--budgets", type=COUNTS, help="Parameter budgets, such as 80k,200k."),
)
LAYOUT = "{desc} {percentage:3.0f} % |{bar:24}| {elapsed} passed, {remaining} left{postfix}"
EXAMPLES = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=EXAMPLES)
@click.version_option(__version__, prog_name="prunelib")
def cli() -> None:
    """Is it worth pruning a network, or is it better to train a small one?

    \b
    Examples:
      prunelib describe --depth 40 --width 2
      prunelib study smoke --results mine   a whole study in a few minutes, anywhere
      prunelib status mini                  what is there of a study, and what is missing
    """


@cli.command()
@click.option("--depth", type=int, help="6n + 4 layers.")
@click.option("--width", type=float, help="Widening factor.")
@click.option("--bottleneck", type=float, metavar="Z", help="Share of each bottleneck kept.")
@click.option("--profile", "file", type=click.Path(path_type=Path), help="JSON of a profile.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one line of JSON.")
def describe(depth, width, bottleneck, file, as_json) -> None:
    """Parameters, MACs and bottleneck widths of a network for CIFAR-10.

    \b
    Examples:
      prunelib describe --depth 40 --width 2
      prunelib describe --depth 40 --width 2 --bottleneck 0.5 --json
      prunelib describe --profile copycat.json
    """
    if file is not None:
        if depth is not None or width is not None:
            raise click.UsageError("give either --profile or --depth and --width")
        profile = ChannelProfile.from_json(read_text(file))
    elif depth is None or width is None:
        raise click.UsageError("give --depth and --width, or --profile")
    else:
        profile = ChannelProfile.full(depth, width)
    if bottleneck is not None:
        profile = profile.bottleneck(bottleneck)
    facts = {"params": profile.params, "macs": profile.macs, "middle": list(profile.middle)}
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"WRN-{profile.depth}-{profile.width:g} for CIFAR-10 (32x32 images)")
    click.echo(f"params  {profile.params:,}")
    click.echo(f"macs    {profile.macs:,}")
    click.echo(f"middle  {' '.join(map(str, profile.middle))}")


@cli.command()
@click.argument("scale")
@selection
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Runs at a time.  [default: one a core; on Ray, all that the cluster holds]",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="A run's.")
@click.option("--time-limit", type=Converted("duration", units.duration), help="Such as 30m.")
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where runs run: on this machine, or on the Ray cluster that it is part of.",
)
@click.option("--ray-address", help="HOST:PORT of the cluster.  [default: RAY_ADDRESS]")
@click.option(
    "--runs-per-gpu",
    type=click.IntRange(1, 100),
    help="On Ray, how many share a GPU.  [default: 4]",
)
@places
def study(
    scale,
    families,
    seeds,
    budgets,
    jobs,
    threads,
    time_limit,
    executor,
    ray_address,
    runs_per_gpu,
    results,
    data,
    device,
    precision,
) -> None:
    """Run what is missing of a study. Stop it at any time, and go on with the same command.

    \b
    Examples:
      prunelib study smoke
      prunelib study mini --families copycat,bottleneck --budgets 80k --seeds 1
      prunelib study mini --time-limit 2h --data ~/cifar10
      prunelib study paper --executor ray --ray-address 10.0.0.1:6379
    """
    from prunelib.study.plan import found, keep_orders, lookup, plan, scale_named
    from prunelib.study.plan import study as run_study
    from prunelib.study.store import Store

    on_ray = executor == "ray"
    if not on_ray and (ray_address or runs_per_gpu):
        raise click.UsageError("--ray-address and --runs-per-gpu need --executor ray")
    ray_address = ray_address or os.environ.get("RAY_ADDRESS")
    if on_ray and not ray_address:
        raise click.UsageError(
            "name a Ray cluster with --ray-address HOST:PORT or RAY_ADDRESS; to start one: "
            "ray start --head"
        )
    preset = scale_named(scale)
    requests = plan(preset, families, seeds, budgets)
    store = Store(results / preset.name)
    find = lookup(store)
    keep_orders(preset, store, find)
    # A damaged record is better told of before PyTorch is imported, and no data are needed then.
    if all(record is not None for _, record in found(requests, find)):
        click.echo(f"{scale}: 0 computed now, {len(requests)} of {len(requests)} there, 0 missing")
        return

    from prunelib.study.executors import local as executors
    from prunelib.training.machine import Machine, cores

    if on_ray:
        from prunelib.study.executors.ray import RayTasks

        store = checked_store(preset, results, data)
        running = RayTasks(
            store,
            ray_address,
            jobs,
            device,
            threads,
            runs_per_gpu or 4,
            data,
            preset.budgets,
            precision,
        )
    else:
        setting = prepared(preset, results, data, Machine.here(device, threads, precision))
        if jobs is None:
            jobs = cores() if setting.machine.device == "cpu" else 1
        running = executors.executor(setting, jobs)
    limit = float("inf") if time_limit is None else time_limit
    started = time.monotonic()
    with bar(scale) as show:
        summary = run_study(
            requests,
            find,
            running,
            show,
            lambda: limit - (time.monotonic() - started),
        )
    for name, reason in summary.failed.items():
        click.echo(f"run {name} failed: {reason}", err=True)
    click.echo(
        f"{scale}: {summary.computed} computed now, "
        f"{len(requests) - summary.missing} of {len(requests)} there, {summary.missing} missing"
    )
    if summary.failed:
        raise SystemExit(1)


@cli.command()
@click.argument("scale")
@selection
@click.option("--results", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: one line of JSON.")
def status(scale, families, seeds, budgets, results, as_json) -> None:
    """What is there of a study, and what is missing.

    \b
    Examples:
      prunelib status smoke
      prunelib status mini --families copycat --json
    """
    from prunelib.study.plan import found, lookup, plan, scale_named
    from prunelib.study.store import Store

    requests = plan(scale_named(scale), families, seeds, budgets)
    pairs = found(requests, lookup(Store(results / scale)))
    if as_json:
        rows = [
            {"family": r.family, "budget": r.budget, "seed": r.seed, "key": record and record.key}
            for r, record in pairs
        ]
        click.echo(json.dumps(rows))
        return
    groups: dict[tuple, list[bool]] = {}
    for request, record in pairs:
        groups.setdefault((request.family, request.budget), []).append(record is not None)
    click.echo(f"{'family':<28}{'budget':>6}  there")
    for (family, budget), there in groups.items():
        size = units.short(budget) if budget else "-"
        click.echo(f"{family:<28}{size:>6}  {sum(there)} of {len(there)}")
    missing = sum(record is None for _, record in pairs)
    click.echo(f"{len(pairs) - missing} of {len(pairs)} there, {missing or 'nothing'} missing")


@cli.command()
@click.argument("scale")
@click.option("--profile", "file", type=click.Path(path_type=Path), help="JSON of a profile.")
@click.option("--family", default="base", show_default=True, help="A rule that makes a profile.")
@click.option("--budget", type=COUNT, help="Parameters, such as 80k; not for base.")
@click.option("--epochs", type=click.IntRange(1), help="[default: the scale's]")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@places
def train(
    scale, file, family, budget, epochs, seed, threads, results, data, device, precision
) -> None:
    """Train one network by the protocol of a scale, and keep its record.

    Where its shape comes from pruning, a missing pruning run is made first.

    \b
    Examples:
      prunelib train smoke
      prunelib train mini --family bottleneck --budget 80k --seed 1
      prunelib train mini --profile mine.json --epochs 20
    """
    from dataclasses import replace

    from prunelib.study.families import FAMILIES
    from prunelib.study.plan import lookup, scale_named, single
    from prunelib.study.specs import TrainSpec
    from prunelib.training.machine import Machine

    preset = scale_named(scale)
    setting = prepared(preset, results, data, Machine.here(device, threads, precision))
    if file is not None:
        if family != "base" or budget is not None:
            raise click.UsageError("give either --profile or --family and --budget")
        profile = ChannelProfile.from_json(read_text(file))
        spec = TrainSpec(profile, preset.data, preset.train, seed)
    else:
        find = lookup(setting.store)
        request = single(preset, family, budget, seed)
        if FAMILIES[family].rule is None and family != "base":
            raise click.UsageError(f"{family} is no training: prunelib study {scale} makes it")
        for first in request.chain(find)[:-1]:
            finish(first.spec(find), setting)
        spec = request.spec(find)
    if epochs is not None:
        spec = replace(spec, protocol=spec.protocol.lasting(epochs))
    finish(spec, setting)


@cli.command()
@click.argument("scale")
@click.option("--criterion", help="fisher, random or l1.  [default: the scale's]")
@click.option("--flop-penalty", type=float, metavar="BETA", help="Nats per million MACs.")
@click.option("--steps", type=click.IntRange(1), help="Updates between removals.")
@click.option("--removals", type=click.IntRange(0), help="Stop after so many.")
@click.option("--params", type=COUNT, help="Stop at so many parameters.")
@click.option("--eval-every", type=click.IntRange(1), help="Removals between evaluations.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@places
def prune(
    scale,
    criterion,
    flop_penalty,
    steps,
    removals,
    params,
    eval_every,
    seed,
    threads,
    results,
    data,
    device,
    precision,
) -> None:
    """Prune the base network of a scale, training it first if need be, and keep the record.

    A run whose record was lost goes through the same profiles again; they are kept in orders/.

    \b
    Examples:
      prunelib prune smoke
      prunelib prune smoke --criterion random --seed 1
      prunelib prune mini --params 200k --steps 15
    """
    from dataclasses import replace

    from prunelib.study.plan import scale_named
    from prunelib.training.machine import Machine

    preset = scale_named(scale)
    given = {
        "criterion": criterion,
        "flop_penalty": flop_penalty,
        "steps": steps,
        "eval_every": eval_every,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if removals is not None or params is not None:
        changes |= {"removals": removals, "stop_params": params}
    spec = preset.prune_spec(seed)
    spec = replace(spec, protocol=replace(spec.protocol, **changes))
    spec.protocol.check(preset.base, preset.shape)
    setting = prepared(preset, results, data, Machine.here(device, threads, precision))
    if setting.store.find(spec) is None:
        finish(spec.base, setting)
    finish(spec, setting)


@cli.command()
@click.option("--params", type=COUNT, help="Budget of parameters, such as 500k.")
@click.option(
    "--macs", type=COUNT, help="Budget of multiply-accumulates for one image, such as 20m."
)
@click.option("--scale", default="mini", show_default=True, help="Whose measurements to use.")
@click.option("--family", help="copycat, bottleneck or reduced-width.  [default: all]")
@click.option("--width", type=float, help="Of the widest network wanted.  [default: the scale's]")
@click.option("--results", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option(
    "--export",
    "form",
    type=click.Choice(["onnx", "safetensors"]),
    help="Write the first of them to a file, too.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: one line of JSON.")
def fit(params, macs, scale, family, width, results, form, as_json) -> None:
    """Networks within a budget, best first, with the error to expect where it was measured.

    Trained longer: for as many images as it takes to train the base network and to prune it.

    A file has the weights of seed 0 if this network was trained here, else random ones: good enough
    to measure its time on a device.

    \b
    Examples:
      prunelib fit --params 100k
      prunelib fit --params 500k --width 2
      prunelib fit --macs 8m --family copycat --json
      prunelib fit --params 100k --export onnx
    """
    from dataclasses import asdict

    from prunelib.book.notebook import open_study
    from prunelib.evidence import design
    from prunelib.study.plan import scale_named

    if (params is None) == (macs is None):
        raise click.UsageError("give a budget: either --params or --macs")
    if family is not None and family not in design.FAMILIES:
        raise PrunelibError(f"unknown family {family!r}; there are: {', '.join(design.FAMILIES)}")
    full = scale_named(scale).base
    records = open_study(scale, results=str(results), run_missing=False)
    found = design.design(
        records,
        params or macs,
        full if width is None else full.reduced(width),
        "params" if params else "macs",
        (family,) if family else design.FAMILIES,
    )
    if as_json:
        rows = [
            asdict(d)
            | {"profile": json.loads(d.profile.to_json()), "python": d.python}
            | {"expected": d.expected._asdict(), "longer": d.longer._asdict()}
            for d in found
        ]
        click.echo(json.dumps(rows))
        if form:
            exported(found[0], records, results, form)
        return
    size = records.scale.data.image_size
    click.echo(f"{'family':<20}{'params':>10}{'macs':>13}{'error':>9}  trained longer")
    for d in found:
        error = "-" if d.expected.error is None else f"{d.expected.error:.1f} %"
        longer = f"{d.longer.error:.1f} % ({d.times:.1f}x)" if d.times else "-"
        click.echo(f"{d.family:<20}{d.params:>10,}{d.macs:>13,}{error:>9}  {longer}")
    for d in found:
        click.echo(f"{d.family}: {d.expected.note}")
    epochs = records.scale.train.epochs
    click.echo(f"error: test error at scale {scale}, {size}x{size} images, {epochs} epochs")
    click.echo(found[0].python)
    if form:
        exported(found[0], records, results, form)


def exported(chosen, records, results: Path, form: str) -> None:
    """Write a designed network into the current folder, and say on stderr what its weights are."""
    import torch

    from prunelib.files import load_tensors
    from prunelib.nets.export import export
    from prunelib.nets.wideresnet import WideResNet
    from prunelib.study.specs import TrainSpec
    from prunelib.study.store import Store

    scale = records.scale
    weights = Store(results / scale.name).weights(
        TrainSpec(chosen.profile, scale.data, scale.train, 0)
    )
    torch.manual_seed(0)
    model = WideResNet(chosen.profile, scale.shape.num_classes, scale.shape.in_channels)
    trained = weights.exists()
    if trained:
        model.load_state_dict(load_tensors(weights)[0])
    path = Path(f"{chosen.family}-{chosen.params}.{form}")
    export(model, scale.shape, path)
    how = "trained weights" if trained else "random weights, for it was not trained here"
    click.echo(f"{path}: {how}", err=True)


@cli.command()
@click.argument("scale", required=False)
@click.option("--results", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: one line of JSON.")
def verdicts(scale, results, as_json) -> None:
    """What the records say of each claim of the paper; of all scales, or of one.

    \b
    Examples:
      prunelib verdicts
      prunelib verdicts mini --json
    """
    from prunelib.book.notebook import open_study
    from prunelib.evidence.claims import CLAIMS, CONTROLS
    from prunelib.evidence.verdicts import as_rows
    from prunelib.evidence.verdicts import verdicts as judged
    from prunelib.study.plan import SCALES, scale_named

    names = [scale_named(scale).name] if scale else list(SCALES)
    studies = [open_study(name, results=str(results), run_missing=False) for name in names]
    found = [
        v for study in studies if scale or study.there for v in judged(study, CLAIMS + CONTROLS)
    ]
    if as_json:
        click.echo(json.dumps(as_rows(found)))
        return
    click.echo(f"{'':<5}{'scale':<7}{'verdict':<11}{'mean':>8}  95 % interval    seeds  claim")
    for v in found:
        mean = "-" if v.mean is None else f"{v.mean:.2f}"
        interval = "-" if v.low is None else f"{v.low:.2f} to {v.high:.2f}"
        row = f"{v.claim:<5}{v.scale:<7}{v.verdict:<11}{mean:>8}  {interval:<17}{v.seeds:<7}"
        click.echo(row + v.text)


@cli.command()
@click.argument("scale")
@click.argument("other", type=click.Path(path_type=Path))
@click.option("--results", type=click.Path(path_type=Path), default="results", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: one line of JSON.")
def compare(scale, other, results, as_json) -> None:
    """How much the runs in another folder of results, of another machine say, differ from these.

    \b
    Examples:
      prunelib study smoke --results mine && prunelib compare smoke mine
      prunelib compare mini results/repeats --json
    """
    from prunelib.book.notebook import open_study
    from prunelib.evidence.repeats import agreement, between_seeds, repeats, title
    from prunelib.study.store import Store

    records = open_study(scale, results=str(results), run_missing=False)
    runs = repeats(records, Store(other / scale))
    if as_json:
        click.echo(runs.to_json(orient="records"))
        return
    click.echo(f"{'error':>7}{'other':>7}{'apart':>7}  run")
    for run in runs.itertuples():
        apart = "same" if run.same else f"{run.difference:+.2f}"
        click.echo(f"{run.error:>7.2f}{run.other:>7.2f}{apart:>7}  {title(run)}")
    click.echo(agreement(runs, between_seeds(records.networks)))


@cli.command()
@click.option("--data", type=click.Path(path_type=Path), default="data", show_default=True)
def download(data) -> None:
    """Fetch CIFAR-10 (170 MB) into a folder."""
    from prunelib.training.data import download_cifar10

    download_cifar10(data)


def prepared(scale, results: Path, data: Path | None, machine):
    """The setting of a run, once it is sure that the data are there and records can be kept."""
    from prunelib.study.executors.local import Setting

    return Setting(checked_store(scale, results, data), machine, data, scale.budgets)


def checked_store(scale, results: Path, data: Path | None):
    """The store of a scale, once it is sure that the data are there and records can be kept."""
    from prunelib.study.store import Store
    from prunelib.training.data import find_cifar10

    if scale.data.name == "cifar10":
        find_cifar10(data)
    store = Store(results / scale.name)
    store.check_writable()
    return store


def finish(spec, setting) -> None:
    """Run one spec unless its record is there, and print what came out."""
    from prunelib.study.runs import run

    record = setting.store.find(spec)
    if record is None:
        with bar(spec.kind) as show:
            record = run(
                spec,
                setting.store,
                setting.machine,
                setting.root,
                show,
                setting.keep,
            )
    outcome = record.outcome
    click.echo(
        f"{setting.store.path(spec)}: {outcome['params']:,} parameters, {outcome['macs']:,} MACs, "
        f"test error {outcome['error']:.2f} %"
    )


class bar:  # noqa: N801
    """A progress bar with an estimate of the time left, on stderr."""

    def __init__(self, title: str) -> None:
        from tqdm import tqdm

        self.bar = tqdm(
            desc=title,
            total=1,
            file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30,
            bar_format=LAYOUT,
            smoothing=0,
        )

    def __enter__(self):
        return self.show

    def show(self, done: float, total: float, note: str = "") -> None:
        """Move to done of total."""
        self.bar.total = total
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update(done - self.bar.n)

    def __exit__(self, *error) -> None:
        self.bar.close()


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        PrunelibError: it cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PrunelibError(f"{path} cannot be read: {error}") from None


def main() -> None:
    """Run the command: bad input gives one line on stderr and exit code 2.

    Ctrl-C and `kill` stop it in one line, too, with exit codes 130 and 143.
    """
    received = signal.SIGINT

    def stop(number: int, frame) -> None:
        nonlocal received
        received = number
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        sys.exit(cli(standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(0)
    except click.ClickException as error:
        fail(error.format_message())
    except PrunelibError as error:
        fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("prunelib: stopped; the same command goes on from here", err=True)
        sys.exit(128 + received)


def fail(message: str) -> None:
    """One line, exit code 2."""
    click.echo("prunelib: " + " ".join(message.split()), err=True)
    sys.exit(2)
