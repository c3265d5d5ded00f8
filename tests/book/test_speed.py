"""The chapter on speed says what the records of the benchmarks say."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from prunelib.book.figures import speed, updates
from prunelib.book.prose import speed as told
from prunelib.errors import Missing, PrunelibError
from prunelib.evidence import benchmarks
from prunelib.evidence.your_network import read_comparison
from prunelib.study import folder
from prunelib.study.families import MAIN
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES

ROOT = Path(__file__).parents[2]
MADE = {
    "hardware": "a pencil",
    "precision": "bfloat16",
    "threads": 1,
    "cores": 2,
    "torch": "9.9",
    "finished": "2020-02-02T00:00:00+00:00",
}
SAID = "Benchmark on a pencil, 2 cores, PyTorch 9.9, 2020-02-02."


def network(family, budget, share, ratio, engine="PyTorch", batch=1, **other):
    return {
        "network": "WRN-40-1",
        "size": 16,
        "family": family,
        "budget": budget,
        "params": budget or 500_000,
        "macs": int(1e7 * share),
        "engine": engine,
        "precision": "float32",
        "threads": 1,
        "batch": batch,
        "ms": 10 * ratio,
        "low": 9 * ratio,
        "high": 11 * ratio,
        "macs_share": share,
        "against_base": ratio,
    } | other


INFERENCE = {
    "rows": [
        network(family, budget, share, ratio * factor, engine, batch)
        for engine, factor in (("PyTorch", 1.0), ("ONNX Runtime", 0.5))
        for batch in (1, 128)
        for family, budget, share, ratio in (
            ("base", None, 1.0, 1.0),
            ("copycat", 80_000, 0.1, 0.5),
            ("bottleneck", 80_000, 0.2, 0.6),
            ("copycat-rounded", 80_000, 0.1, 0.25),
            ("bottleneck", 200_000, 0.4, 0.9),
        )
    ]
    + [network("copycat", 80_000, 0.1, 7.0, threads=2)],
    "widths": [
        {"width": w, "batch": 128, "engine": "PyTorch", "precision": "float32", "ms": ms}
        for w, ms in ((16, 2.0), (17, 3.0), (24, 3.5), (32, 3.5), (33, 7.0))
    ],
    "circumstances": MADE,
}


def row(title, ms, against, **other):
    ratio = ms / against
    return {
        "title": title,
        "network": "WRN-40-1 at 16×16",
        "ms": ms,
        "against_ms": against,
        "ratio": ratio,
        "low": ratio - 0.1,
        "high": ratio + 0.2,
        "pairs": 3,
    } | other


STEPS = {
    "against": "other code",
    "rows": {
        "narrow": row("an update", 50.0, 100.0),
        "narrow-peak": row(
            "a product", 10.0, 1.0, ratio=0.4, gflops=40, against_gflops=100,
            parts={"convolutions, forward": 0.25, "the rest": 0.75},
        ),
        "data": row("a batch", 1.0, 4.0, share=0.02, against_share=0.04),
        "fisher": row("saliency", 55.0, 50.0),
        "loops": row("loops", 40.0, 50.0),
        "pruning": row(
            "a removal", 600.0, 2000.0, steps=10,
            macs_at=[100, 50, 20], ms_at=[900.0, 600.0, 300.0], against_ms_at=[2000.0] * 3,
        ),
    },
    "circumstances": MADE,
}  # fmt: skip


def test_a_benchmark_that_was_not_run_is_missing(tmp_path, monkeypatch):
    assert benchmarks.read_benchmark(tmp_path, "steps") == benchmarks.read_benchmark(
        folder.PACKAGED, "steps"
    )
    monkeypatch.setattr(folder, "PACKAGED", tmp_path / "nothing")
    with pytest.raises(Missing, match="make bench"):
        benchmarks.read_benchmark(tmp_path, "steps")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/steps.json").write_text(json.dumps(STEPS), encoding="utf-8")
    assert benchmarks.read_benchmark(str(tmp_path), "steps") == json.loads(json.dumps(STEPS))


READ = {
    "benchmarks/steps": lambda folder: benchmarks.read_benchmark(folder, "steps"),
    "your-network/resnet18": read_comparison,
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not a record of"),
        ("[" * 100_000, "is not a record of"),
        ("[]", "is not a record of"),
        ("{}", "on what it was measured"),
        ('{"circumstances": {"hardware": "a machine"}}', "on what it was measured"),
        (None, "is not a file"),
    ],
)
def test_a_benchmark_that_is_damaged_is_named(tmp_path, name, text, said):
    path = tmp_path / f"{name}.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8") if text else os.mkfifo(path)
    with pytest.raises(PrunelibError, match=said):
        READ[name](tmp_path)


def test_latency_shows_every_network_of_an_answer_on_one_thread():
    choices = speed.latency_bars(INFERENCE)
    assert choices.questions == {
        "network": ("WRN-40-1 at 16×16",),
        "images at once": ("1", "128"),
        "computed by": ("ONNX Runtime, float32", "PyTorch, float32"),
    }
    assert len(choices.figures) == 4
    figure = choices.figures["WRN-40-1 at 16×16", "128", "ONNX Runtime, float32"]
    shown = {t.name: list(zip(t.x, t.y, strict=True)) for t in figure.data}
    assert shown.pop("time falls as MACs do") == [(0, 0), (1, 1)]
    assert shown == {
        "Base network": [(1.0, 0.5)],
        "Copycat": [(0.1, 0.25)],
        "Bottleneck": [(0.2, 0.3), (0.4, 0.45)],
        "Copycat, rounded to eights": [(0.1, 0.125)],
    }
    assert "10% to 40% of the base" in figure.layout.meta["alt"]
    assert "12% to 45% of its time" in figure.layout.meta["alt"]
    assert figure.layout.meta["source"] == SAID


def test_the_answer_is_about_the_smallest_budget_without_rounded_ones():
    said = told.latency(INFERENCE)
    assert "Networks of **80K** parameters have 10% to 20% of" in said
    assert "one image, PyTorch: Copycat 50%, Bottleneck 60%; spread 20%." in said
    assert "128 images at once, ONNX Runtime: Copycat 25%, Bottleneck 30%; spread 20%." in said
    assert said.count("half of the repeated timings") == 1
    assert "200K" not in said
    assert "8 comparisons at equal parameters, larger sizes included, **Copycat** is" in said
    assert "**Copycat** is the fastest in 4" in said
    assert SAID not in said
    assert told.benchmark_sources({"Times": INFERENCE}) == [f"Times: {SAID}"]


def test_rounding_is_told_by_engine():
    said = told.rounding(INFERENCE)
    assert "PyTorch takes 0.50 to 0.50 of the time (2 pairs)" in said
    assert "ONNX Runtime takes 0.50 to 0.50 of the time (2 pairs)" in said


def test_widths_say_what_one_channel_more_costs():
    figure = speed.time_by_width(INFERENCE)
    said = figure.layout.meta["alt"]
    assert "17 channels take 1.50 times as long as 16" in said
    assert "33 channels take 2.00 times as long as 32" in said
    assert "32 take 1.17 times as long as 17" in said
    assert list(figure.data[0].x) == [16, 17, 24, 32, 33]
    assert list(figure.data[0].y) == [2.0, 3.0, 3.5, 3.5, 7.0]


def test_ratios_stand_with_their_quartiles():
    (trace,) = updates.ratios([STEPS]).data
    assert dict(zip(trace.y, trace.x, strict=True)) == {
        "an update<br>WRN-40-1 at 16×16": 0.5,
        "a batch<br>WRN-40-1 at 16×16": 0.25,
        "a removal<br>WRN-40-1 at 16×16": 0.3,
    }
    assert trace.error_x.array[0] == pytest.approx(0.2)
    assert trace.error_x.arrayminus[0] == pytest.approx(0.1)


def test_ours_is_told_as_a_share_of_the_authors_time():
    assert told.against_authors(STEPS) == (
        "In bfloat16 on a pencil, an update takes **50%** (WRN-40-1 at 16×16) of the time of the "
        "authors' code in float32, and a removal **30%** (WRN-40-1 at 16×16)."
    )


def test_steps_are_put_into_words():
    said = told.steps(STEPS)
    assert "takes 2.0% of the time of an update with its batch" in said
    assert "longer by 10% (WRN-40-1 at 16×16)" in said
    assert "takes 0.80 (WRN-40-1 at 16×16) of the time with PyTorch's own" in said
    assert "**40%** of the 100 of a matrix product" in told.peak(STEPS)
    assert "beyond" not in told.peak(STEPS)
    assert "no instructions beyond AVX2, an" in told.peak(STEPS | {"limit": "AVX2"})


def test_removals_tell_how_their_time_falls():
    choices = updates.removals(STEPS)
    (figure,) = choices.figures.values()
    ours, theirs = figure.data
    assert list(ours.y) == [0.9, 0.6, 0.3]
    assert list(theirs.y) == [2.0, 2.0, 2.0]
    alt = figure.layout.meta["alt"]
    assert "goes to 33% of what it was, that of other code to 100%" in alt
    assert "multiply-accumulates fall to 20%" in alt
    with pytest.raises(Missing):
        updates.removals(STEPS | {"rows": {}})


def test_parts_add_up_to_a_whole_bar():
    figure = updates.parts(STEPS)
    assert sum(trace.x[0] for trace in figure.data) == pytest.approx(1)
    assert "the rest 75%" in figure.layout.meta["alt"]
    with pytest.raises(Missing):
        updates.parts(STEPS | {"rows": {}})


def test_executors_and_commands_are_put_into_words():
    rows = {
        "one process": {"seconds": 8.0, "ratio": 1, "start_seconds": 1, "overhead_seconds": 0.0}
        | {"overhead_of_mini": 0.0},
        "two processes": {"seconds": 4.4, "ratio": 0.55, "start_seconds": 2.5}
        | {"overhead_seconds": 0.012, "overhead_of_mini": 0.0002},
    }
    said = told.executors({"rows": rows, "runs": 6, "circumstances": MADE})
    assert "One process runs 6 short runs in 8.0 s; two processes in **0.55** of that" in said
    assert "a run takes 12 ms (two processes): at most 0.02% of a run of mini" in said
    record = {
        "seconds": {"prunelib --help": 0.125},
        "status": [{"records": 10_000, "seconds": 1.5}],
        "circumstances": MADE,
    }
    said = told.everyday(record)
    assert "`prunelib --help` 0.12 s" in said
    assert "over 10,000 records 1.50 s" in said
    assert "memory" not in said
    assert "holds 1.11 GB of memory" in told.everyday(record | {"mini_megabytes": 1107})


def test_a_gpu_is_put_into_words():
    row = {"plain_ms": 20.0, "graph_ms": 2.0, "ratio": 0.1}
    record = {
        "rows": {"WRN": row, "pruned to 80K": row | {"graph_ms": 3.0}, "wide": row},
        "together": [
            {"processes": 1, "updates_a_second": 400, "mps": False},
            {"processes": 12, "updates_a_second": 1450, "mps": True},
        ],
        "circumstances": {"hardware": "a GPU"},
    }
    text = told.gpu(record)
    assert "| WRN | 20.0 ms | 2.0 ms |" in text
    assert "take 1.5 to 1.5 times as long as WRN" in text
    assert "| 1 | no | 400 |\n| 12 | yes | 1,450 |" in text


def test_what_the_paper_s_scale_would_take_follows_from_the_record():
    page = (ROOT / "book/reproduce.md").read_text(encoding="utf-8")
    row = benchmarks.read_benchmark(ROOT / "results", "gpu")["rows"]["WRN-40-2 at 32×32"]
    assert f"takes {row['graph_ms']:.1f} ms" in page
    scale, of_paper = SCALES["paper"], MAIN[: MAIN.index("copycat") + 1]
    first, whole = (
        sum(request.cost_estimate() for request in asked) / 128 * row["graph_ms"] / 3.6e6
        for asked in (plan_study(scale, of_paper, seeds=1), plan_study(scale))
    )
    assert f"takes about {first:.0f} hours, the whole scale about {whole:.0f}," in page


def test_number_formats_are_compared_in_pairs():
    rows = [
        {"family": "base", "budget": None, "seed": 0, "bfloat16": 10.0, "float32": 9.0},
        {"family": "base", "budget": None, "seed": 1, "bfloat16": 10.0, "float32": 12.0},
    ]
    said = told.precision({"rows": rows, "scale": "smoke", "circumstances": MADE})
    assert "The same 2 networks of scale smoke" in said
    assert "**No difference was found**: on average bfloat16 is better by 0.50 points" in said
    assert "differ by 2.12 points (standard deviation), two seeds by 3.00" in said


def test_networks_are_timed_by_family_and_budget():
    networks = pd.DataFrame(
        {
            "family": ["base", "copycat", "bottleneck-long", "reduced-width"],
            "budget": [None, 80_000, 200_000, 80_000],
        }
    )
    found = benchmarks.with_times(networks, INFERENCE, "WRN-40-1", 16).dropna(subset=["ms"])
    assert dict(zip(found["family"], found["ms"], strict=True)) == {
        "base": 5.0,
        "copycat": 2.5,
        "bottleneck-long": 4.5,
    }
    assert benchmarks.with_times(networks, INFERENCE, "WRN-40-1", 32)["ms"].isna().all()


def test_kernels_for_few_channels_are_told_as_how_many_times_as_fast():
    row = {"network": "bottleneck of 80K", "ms": 14.3, "against_ms": 42.8}
    said = told.few_channels({"rows": [row], "circumstances": MADE})
    assert "| bottleneck of 80K | 43 ms | 14 ms | 3.0 |" in said
