"""The chapter on networks of your own says what its record says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from prunelib import prune, train
from prunelib.book.figures import your_network as figures
from prunelib.book.prose import your_network as prose
from prunelib.errors import Missing, PrunelibError
from prunelib.evidence import your_network
from prunelib.pruning.any_network.layers import Layer
from prunelib.pruning.checkpoint import Point
from prunelib.study import folder
from prunelib.training.data import load
from prunelib.training.protocols import PruneProtocol, TrainProtocol

MADE = {"hardware": "a pencil", "cores": 2, "torch": "9.9", "finished": "2020-02-02T00:00:00"}
SAID = "Benchmark on a pencil, 2 cores, PyTorch 9.9, 2020-02-02."
LAYERS = [
    {"name": "stem", "number": None, "channels": 9},
    {"name": "a", "number": 1, "channels": 16},
]


def run(seed, errors):
    sizes = [(1000, 9000), (480, 6000), (470, 3000)]
    base, pruned, narrower = (
        {"params": params, "macs": macs, "error": error}
        for (params, macs), error in zip(sizes, errors, strict=True)
    )
    return {
        "seed": seed,
        "base": base,
        "layers": LAYERS,
        "points": {
            "removals": [0, 1],
            "params": [1000, 480],
            "macs": [9000, 6000],
            "error": list(errors[:2]),
        },
        "compared": [{"share": 0.5, "pruned": pruned, "narrower": narrower}],
    }


def record(*errors):
    runs = [run(seed, triple) for seed, triple in enumerate(errors)]
    settings = {"images": "digits", "size": 8, "epochs": 1, "steps": 6}
    return settings | {"runs": runs, "circumstances": MADE}


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            [(9, 20, 15), (9, 22, 16)],
            "Rather train a narrower one: it had the lower error in both comparisons",
        ),
        (
            [(9, 20, 25), (9, 22, 22)],
            "Prune it: the narrower network had the lower error in none of 2",
        ),
        (
            [(9, 20, 25), (9, 22, 16)],
            "the narrower network had the lower error in 1 of 2 comparisons",
        ),
    ],
)
def test_the_answer_follows_from_the_errors(errors, said):
    told = prose.pruned_or_narrower(record(*errors))
    assert said in told
    pruned = sum(e[1] for e in errors) / 2
    assert f"At 50% of the parameters the pruned network has an error of **{pruned:.2f}%" in told
    assert "with 0.50 times its multiply-accumulates" in told
    assert (
        "ResNet-18 with 25% of its channels (1,000 parameters), handwritten digits at 8×8" in told
    )
    assert "1 epoch, 6 updates per removal" in told
    assert SAID not in told.replace("\\", "")


def test_figures_show_every_seed_and_say_where_they_are_from():
    found = record((9, 20, 15), (10, 22, 17))
    walk, compared = figures.recorded_trajectories(found), figures.pruned_and_narrower(found)
    assert [list(trace.y) for trace in walk.data] == [[9, 20], [10, 22]]
    means = [list(trace.y) for trace in compared.data if trace.mode == "markers"]
    assert means == [[9, 10], [20, 22], [15, 17]]
    for figure in (walk, compared):
        assert SAID in figure.layout.meta["source"]


def test_a_run_on_the_page_is_drawn_as_one_of_scale_smoke():
    points = [Point(i, 10 - i, 20 - i, 0.1, 5.0 + i, 1, i, 0.1, 0.0, 0.0) for i in range(3)]
    figure = figures.removal_curve(points)
    assert list(figure.data[0].x) == [10, 9, 8]
    assert "Scale smoke" in figure.layout.meta["source"]


def test_the_table_of_layers_has_candidates_and_reasons():
    rows = prose.layers_table(
        [Layer("stem", 16, reason="shares its channels with b"), Layer("a", 8, 1, ("bn",), "b")]
    ).splitlines()
    assert rows[2] == "| – | `stem` | 16 | – | shares its channels with b |"
    assert rows[3] == "| 1 | `a` | 8 | `b` |  |"


def test_a_record_that_is_missing_or_damaged_is_told_in_one_line(tmp_path, monkeypatch):
    assert your_network.read_comparison(tmp_path)["runs"]
    monkeypatch.setattr(folder, "PACKAGED", tmp_path / "nothing")
    with pytest.raises(Missing, match=r"measure it with: python benchmarks/your_network\.py"):
        your_network.read_comparison(tmp_path)
    path = tmp_path / "your-network" / "resnet18.json"
    path.parent.mkdir()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(PrunelibError, match="is not a record of this benchmark"):
        your_network.read_comparison(tmp_path)
    path.write_text(json.dumps(record((1, 2, 3))), encoding="utf-8")
    assert your_network.read_comparison(tmp_path)["runs"][0]["seed"] == 0


@pytest.mark.slow
def test_the_printed_ways_to_keep_a_pruned_network_work(tmp_path, monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    page = Path(__file__).parents[2] / "notebooks/your-network.ipynb"
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    (block,) = re.findall(r"```python\n(model\.eval\(\)\ntorch\.save.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.Flatten(), nn.Linear(48, 10)
    )
    digits, example = load("digits"), torch.zeros(1, 1, 8, 8)
    train(model, digits, TrainProtocol(epochs=1, milestones=()), seed=0)
    prune(model, digits, PruneProtocol(steps=1, removals=1), seed=0, example=example)
    exec(block, {"torch": torch, "model": model, "example": example})
    images = digits.normalise(digits.test.x[:5])
    kept = torch.load("pruned.pt", weights_only=False)
    run = onnxruntime.InferenceSession("pruned.onnx")
    (logits,) = run.run(None, {run.get_inputs()[0].name: images.numpy()})
    assert torch.equal(kept(images), model(images))
    assert not kept.training
    np.testing.assert_allclose(logits, model(images).detach(), rtol=1e-4, atol=1e-5)
