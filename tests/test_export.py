import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from making import network
from test_command import prunelib

from prunelib.errors import PrunelibError
from prunelib.files import load_tensors
from prunelib.nets import export
from prunelib.nets.export import onnx
from prunelib.nets.inputs import SHAPES
from prunelib.nets.profile import ChannelProfile

SHAPE = SHAPES["digits"]
COMMITTED = Path(__file__).parents[1] / "results"


def small():
    model = network(ChannelProfile(10, 0.5, (5, 3, 7)), 0, SHAPE.in_channels).float()
    model.train()(torch.randn(8, SHAPE.in_channels, 8, 8))
    return model.eval()


def test_onnx_computes_what_the_network_computes_for_any_number_of_images(tmp_path):
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    runtime = pytest.importorskip("onnxruntime")
    model, path = small(), tmp_path / "network.onnx"
    export.export(model, SHAPE, path)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 5):
        images = torch.randn(count, SHAPE.in_channels, 8, 8)
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        np.testing.assert_allclose(logits, model(images).detach(), rtol=1e-4, atol=1e-5)


def test_safetensors_have_the_profile_beside_the_weights(tmp_path):
    model, path = small(), tmp_path / "network.safetensors"
    export.export(model, SHAPE, path)
    tensors, text = load_tensors(path)
    assert ChannelProfile.from_json(text) == model.profile
    assert all(torch.equal(tensors[name], value) for name, value in model.state_dict().items())


def test_another_format_is_refused_and_missing_packages_are_named(tmp_path, monkeypatch):
    with pytest.raises(PrunelibError, match=r"must end with \.onnx or \.safetensors"):
        export.export(small(), SHAPE, tmp_path / "network.pth")
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(PrunelibError, match=r"pip install onnx$"):
        onnx(small(), (1, 8, 8))


def test_fit_exports_its_first_network_with_trained_weights_if_there_are_any(tmp_path):
    asked = "fit", "--scale", "smoke", "--params", "6k", "--family", "bottleneck"
    untrained = prunelib(*asked, "--results", COMMITTED, "--export", "safetensors", folder=tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    assert f"{path.name}: random weights" in untrained.stderr
    _, profile = load_tensors(path)
    (tmp_path / "profile.json").write_text(profile, encoding="utf-8")
    trained = prunelib("train", "smoke", "--profile", "profile.json", folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    again = prunelib(*asked, "--export", "safetensors", "--json", folder=tmp_path)
    assert f"{path.name}: trained weights" in again.stderr
    assert json.loads(again.stdout)[0]["params"] == int(path.stem.split("-")[1])
    (kept,) = (tmp_path / "results/smoke/weights").glob("*.safetensors")
    tensors, _ = load_tensors(path)
    assert all(torch.equal(tensors[name], t) for name, t in load_tensors(kept)[0].items())
