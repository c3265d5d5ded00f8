"""Networks as files: what is in them, and the commands that write and time them."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command import prunelib
from making import network

from prunelib.cli.commands import run_command as run_command
from prunelib.cli.export import export_command
from prunelib.errors import PrunelibError
from prunelib.evidence.budget import budget_views, released
from prunelib.files import load_tensors, save_tensors
from prunelib.nets import export
from prunelib.nets.export import Card, FromPixels, load_exported, read_card, runner
from prunelib.nets.inputs import MOMENTS
from prunelib.nets.profile import ChannelProfile
from prunelib.study.exporting import release, trained_network
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import single
from prunelib.study.scales import SCALES
from prunelib.study.store import Store, read_record
from prunelib.study.trained import Trained, find_trained, with_weights
from prunelib.training.data import load as load_data

COMMITTED = Path(__file__).parents[2] / "results"


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["prunelib", *map(str, arguments)])
        capsys.readouterr()
        code = run_command()
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run


CARD = Card(
    profile=ChannelProfile(10, 0.5, (5, 3, 7)),
    classes=("cat", "dog", "Gürteltier"),
    image_size=8,
    mean=(120.0, 110.0, 100.0),
    std=(60.0, 50.0, 40.0),
    error=12.5,
    key="0123456789abcdef",
    scale="made-up",
    base=ChannelProfile.full(10, 0.5),
)


def small():
    return network(CARD.profile, 0, 3, 3, torch.float32)


def pixels(count, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 3, 8, 8), generator=random, dtype=torch.uint8)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_an_onnx_file_takes_pixels_any_number_of_them_and_says_what_it_is(kind, tmp_path):
    pytest.importorskip("onnxruntime")
    model, path = small(), tmp_path / "net.onnx"
    export.export_network(model, CARD, path, kind)
    assert read_card(path) == CARD
    run = runner(path)
    for count in (1, 5):
        images = pixels(count)
        normal = (images.permute(0, 2, 3, 1) - torch.tensor(CARD.mean)) / torch.tensor(CARD.std)
        expected = model(normal.permute(0, 3, 1, 2)).detach().numpy()
        np.testing.assert_allclose(run(images.numpy().astype(kind)), expected, atol=1e-4)


def test_what_does_not_compute_the_same_is_not_written(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    other = network(CARD.profile, 1, 3, 3, torch.float32)
    made = export.in_memory(other, CARD)
    monkeypatch.setattr(export, "in_memory", lambda *arguments: made)
    with pytest.raises(PrunelibError, match=r"net\.onnx is not written: .* from PyTorch's"):
        export.export_network(small(), CARD, path)
    assert not path.exists()


def test_safetensors_bring_the_network_back(tmp_path):
    model, path = small(), tmp_path / "net.safetensors"
    export.export_network(model, CARD, path)
    again, card = load_exported(path)
    assert card == CARD == read_card(path)
    images = pixels(4)
    first, second = (FromPixels(m, card.mean, card.std)(images) for m in (model, again))
    assert torch.equal(first, second)
    save_tensors(tmp_path / "bare.safetensors", model.state_dict())
    with pytest.raises(PrunelibError, match="does not say what its network is"):
        load_exported(tmp_path / "bare.safetensors")


@pytest.mark.parametrize("form", export.FORMATS)
def test_a_file_whose_name_is_not_utf8_is_read_again(form, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9." + form.encode())
    export.export_network(small(), CARD, path)
    assert read_card(path) == CARD
    if form == "safetensors":
        assert load_exported(path)[1] == CARD
        assert load_tensors(path, own=True)[1] == CARD.profile.to_json()
    else:
        assert runner(path)(pixels(2).numpy()).shape == (2, 3)


DAMAGED = {
    "classes": [[], 5, ["a", 1]],
    "image_size": [-3, "8", 10**9, True],
    "mean": ["abc", [], [None], [float("nan")]],
    "std": [[0.0], [1.0, 2.0], [-1.0]],
    "error": ["low", -1, 101],
    "key": [5],
    "weights": ["heavy"],
    "scale": [7],
    "profile": [{"depth": 11}, None],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n in DAMAGED for v in DAMAGED[n]])
def test_a_file_that_says_what_cannot_be_is_refused(name, value, tmp_path):
    metadata = CARD.metadata() | {name: json.dumps(value)}
    with pytest.raises(PrunelibError, match="does not say what its network is"):
        Card.of(metadata, tmp_path / "net.onnx")


def test_weights_of_another_network_than_a_file_says_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    wider = replace(CARD, classes=(*CARD.classes, "one more"))
    save_tensors(path, small().state_dict(), CARD.profile.to_json(), wider.metadata())
    with pytest.raises(PrunelibError, match="another network than it says"):
        load_exported(path)


def test_another_format_is_refused_and_missing_packages_are_named(tmp_path, monkeypatch):
    with pytest.raises(PrunelibError, match=r"must end with \.onnx or \.safetensors"):
        export.export_network(small(), CARD, tmp_path / "net.pth")
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(PrunelibError, match=r"needs onnx; .* pip install 'prunelib\[export\]'"):
        export.export_network(small(), CARD, tmp_path / "net.onnx")


def test_what_is_known_of_images_is_what_they_have():
    for (name, size), (mean, std) in MOMENTS.items():
        if name == "digits":
            data = load_data(name, size)
            np.testing.assert_allclose(data.mean, mean, rtol=1e-6)
            np.testing.assert_allclose(data.std, std, rtol=1e-6)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which one network of `smoke` was trained, for two epochs, and written."""
    folder = tmp_path_factory.mktemp("trained")
    asked = "train", "smoke", "--family", "bottleneck", "--budget", "12k", "--epochs", 2
    done = prunelib(*asked, "--export", "net.safetensors", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def record_of(folder):
    (path,) = (folder / "results" / "smoke").glob("*.json")
    return path


def test_train_writes_what_it_trained(trained):
    path = record_of(trained)
    model, card = load_exported(trained / "net.safetensors")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert card.key == path.stem == record["key"]
    assert card.error == record["outcome"]["error"]
    assert (card.scale, card.base) == ("smoke", SCALES["smoke"].base)
    assert card.classes == tuple("0123456789")
    kept, _ = load_tensors(path.parent / "weights" / f"{path.stem}.safetensors")
    assert all(torch.equal(t, kept[name]) for name, t in model.state_dict().items())
    data = load_data("digits")
    images = data.test.x.permute(0, 3, 1, 2)
    wrong = FromPixels(model, card.mean, card.std)(images).argmax(1) != data.test.y
    assert abs(100 * wrong.float().mean().item() - card.error) < 1


def test_a_run_is_named_by_its_key_or_its_record_and_its_file_is_the_same(trained, tmp_path):
    path = record_of(trained)
    names = (path.stem[:8], "results"), (path, "results"), (path, "results/smoke")
    for i, (name, results) in enumerate(names):
        output = tmp_path / f"{i}.safetensors"
        asked = "export", name, "-o", output, "--results", results
        done = prunelib(*asked, folder=trained)
        assert done.returncode == 0, done.stderr
        assert path.stem in done.stdout
        (first, card), (second, again) = (
            load_exported(output),
            load_exported(trained / "net.safetensors"),
        )
        assert card == again
        pairs = zip(first.parameters(), second.parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


def test_without_weights_nothing_is_written_unless_random_ones_are_wanted(tmp_path, here):
    for asked in (
        ("export", "--params", "12k", "--scale", "smoke", "-o", "net.safetensors"),
        ("fit", "--params", "12k", "--scale", "smoke", "--export", "safetensors"),
    ):
        done = here(*asked)
        assert done.returncode == 2
        assert "--train" in done.stderr
        assert not list(tmp_path.iterdir())
        done = here(*asked, "--random-weights")
        assert done.returncode == 0, done.stderr
        (path,) = tmp_path.iterdir()
        assert path.stem.endswith("-random")
        _, card = load_exported(path)
        assert (card.weights, card.error, card.key) == ("random", None, None)
        path.unlink()


WRONG = {
    "nothing named": (("export", "-o", "n.onnx"), "or give a budget"),
    "both": (("export", "abcd", "--params", "9k", "-o", "n.onnx"), "or give a budget"),
    "no output": (("export", "--params", "9k"), "--output"),
    "format": (("export", "--params", "9k", "-o", "n.pth"), "must end with .onnx"),
    "folder": (("export", "--params", "9k", "-o", "no/n.safetensors"), "no folder no"),
    "a folder that takes no files": (
        ("export", "--params", "9k", "-o", "/proc/n.safetensors"),
        "/proc/n.safetensors cannot be written: No such file or directory; choose another folder "
        "with --output",
    ),
    "a folder that takes no files, of train": (
        ("train", "smoke", "--export", "/proc/n.safetensors"),
        "choose another folder with --export",
    ),
    "key": (("export", "zzzz", "-o", "n.safetensors"), "'zzzz'"),
    "no such run": (("export", "0000000000", "-o", "n.safetensors"), "no run 0000000000"),
    "no such record": (("export", "no/r.json", "-o", "n.safetensors"), "no/r.json"),
    "budget": (("export", "--params", "9", "-o", "n.safetensors"), "choose"),
    "scale": (("export", "--params", "9k", "--scale", "big", "-o", "n.safetensors"), "'big'"),
    "no network to time": (("time", "n.onnx"), "n.onnx is not a file"),
    "nothing to time": (("time", "junk.onnx"), "not a network"),
}


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path, here):
    asked = "fit", "--params", "9k", "--scale", "smoke", "--results", COMMITTED
    made = here(*asked, "--export", "safetensors", "--random-weights")
    assert made.returncode == 0, made.stderr
    (path,) = tmp_path.glob("*.safetensors")
    path.unlink()
    path.mkdir()
    done = here(*asked, "--export", "safetensors", "--random-weights")
    assert done.returncode == 2
    assert f"{path.name} cannot be written" in done.stderr
    assert "move or delete the folder of this name" in done.stderr
    assert "--results" not in done.stderr


def test_a_current_folder_that_takes_no_files_is_left(here, monkeypatch):
    monkeypatch.chdir("/proc")
    asked = "fit", "--params", "9k", "--scale", "smoke", "--results", COMMITTED
    done = here(*asked, "--export", "safetensors", "--random-weights")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        "go to another folder: it is written where you are"
    )


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_bad_input_is_refused_in_one_line(arguments, said, tmp_path, here):
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("prunelib: ")
    assert said in line


@pytest.mark.slow
def test_fit_writes_its_first_network_trained_as_it_was_ranked(tmp_path):
    asked = "fit", "--scale", "smoke", "--params", "12k", "--family", "bottleneck", "--json"
    done = prunelib(*asked, "--export", "safetensors", "--train", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    ranked = json.loads(done.stdout.splitlines()[0])[0]
    (path,) = tmp_path.glob("*.safetensors")
    _, card = load_exported(path)
    assert json.loads(card.profile.to_json()) == ranked["profile"]
    run = json.loads((tmp_path / "results/smoke" / f"{card.key}.json").read_text(encoding="utf-8"))
    assert ranked["length"] in ("-long", "-longest")
    assert run["spec"]["protocol"]["epochs"] == ranked["epochs"] > SCALES["smoke"].train.epochs
    assert run["outcome"]["error"] == card.error
    again = prunelib("export", card.key, "-o", "again.safetensors", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert load_exported(tmp_path / "again.safetensors")[1] == card


def fake_weights(path, profile, shape):
    model = network(profile, 0, shape.in_channels, shape.num_classes, torch.float32)
    save_tensors(path, model.state_dict(), profile.to_json())


def test_released_weights_come_before_others_and_need_their_record(tmp_path):
    scale = SCALES["smoke"]
    spec = single(scale, "bottleneck", 12_000, 0).spec(cached_lookup(Store(COMMITTED / "smoke")))
    store = Store(tmp_path / "smoke")
    fake_weights(store.released(spec), spec.profile, scale.shape)
    assert with_weights(spec, tmp_path, "smoke") is None
    store.put(Store(COMMITTED / "smoke").find(spec))
    assert with_weights(spec, tmp_path, "smoke").weights == store.released(spec)
    store.weights(spec).parent.mkdir()
    shutil.copy(store.released(spec), store.weights(spec))
    assert find_trained(store.path(spec).stem[:6], tmp_path).weights == store.released(spec)
    store.released(spec).unlink()
    assert find_trained(str(store.path(spec)), Path("elsewhere")).weights == store.weights(spec)


def test_weights_are_released_if_they_give_the_error_on_record(trained, tmp_path):
    path = record_of(trained)
    record, weights = read_record(path), path.parent / "weights" / f"{path.stem}.safetensors"
    store, data = Store(tmp_path / "smoke"), load_data("digits")
    error = release(record, weights, store, data)
    assert abs(error - record.outcome["error"]) < 1
    found = with_weights(record.spec, tmp_path, "smoke")
    assert found.weights == store.released(record.spec)
    assert trained_network(found).card.error == pytest.approx(error)
    tensors, text = load_tensors(weights)
    last = next(name for name in tensors if name.endswith("weight") and tensors[name].ndim == 2)
    tensors[last] = tensors[last].roll(1, 0)
    save_tensors(tmp_path / "others.safetensors", tensors, text)
    store.released(record.spec).unlink()
    with pytest.raises(PrunelibError, match=r"the record .* one of"):
        release(record, tmp_path / "others.safetensors", store, data)
    fake_weights(tmp_path / "narrow.safetensors", record.spec.profile.scaled(0), data.shape)
    with pytest.raises(PrunelibError, match="another network"):
        release(record, tmp_path / "narrow.safetensors", store, data)
    assert not store.released(record.spec).exists()


@pytest.mark.slow
def test_the_script_that_releases_takes_a_folder_of_results(trained, tmp_path):
    (tmp_path / "results").mkdir()
    script = shutil.copy(COMMITTED / "release.py", tmp_path / "results")
    command = [sys.executable, script, trained / "results/smoke"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (path,) = (tmp_path / "results/smoke/released").iterdir()
    assert path.stem == record_of(trained).stem
    assert f"{path.name}: " in done.stdout
    assert (tmp_path / "results/smoke" / record_of(trained).name).exists()


def test_weights_of_another_run_are_refused(trained, tmp_path):
    path = record_of(trained)
    store = Store(tmp_path / "smoke")
    store.put(read_record(path))
    spec = read_record(path).spec
    store.weights(spec).parent.mkdir()
    tensors, text = load_tensors(path.parent / "weights" / f"{path.stem}.safetensors")
    save_tensors(tmp_path / "0123456789abcdef.safetensors", tensors, text)
    shutil.move(tmp_path / "0123456789abcdef.safetensors", store.weights(spec))
    with pytest.raises(PrunelibError, match="not saved under this name; delete it"):
        trained_network(with_weights(spec, tmp_path, "smoke"))


def test_the_best_network_with_weights_is_written_and_a_better_one_is_told(tmp_path, here):
    scale, store = SCALES["smoke"], Store(tmp_path / "results/smoke")
    spec = single(scale, "bottleneck", 12_000, 0).spec(cached_lookup(Store(COMMITTED / "smoke")))
    store.put(Store(COMMITTED / "smoke").find(spec))
    fake_weights(store.weights(spec), spec.profile, scale.shape)
    done = here("export", "--params", "12k", "--scale", "smoke", "-o", "net.safetensors")
    assert done.returncode == 0, done.stderr
    assert load_exported(tmp_path / "net.safetensors")[1].key == store.path(spec).stem
    assert "a better network is known, but its weights are not here (" in done.stderr
    assert "to train it: add --train" in done.stderr


def test_of_several_seeds_with_weights_the_command_writes_the_one_that_the_chapter_names(
    tmp_path, here
):
    scale, store = SCALES["smoke"], Store(tmp_path / "results/smoke")
    found = cached_lookup(Store(COMMITTED / "smoke"))
    specs = [single(scale, "copycat", 12_000, seed).spec(found) for seed in range(3)]
    for spec in specs:
        store.put(Store(COMMITTED / "smoke").find(spec))
        fake_weights(store.weights(spec), spec.profile, scale.shape)
        fake_weights(store.released(spec), spec.profile, scale.shape)
    done = here("export", "--params", "12k", "--scale", "smoke", "-o", "net.safetensors")
    assert done.returncode == 0, done.stderr
    key = load_exported(tmp_path / "net.safetensors")[1].key
    assert key == released(budget_views(scale, COMMITTED), 12_000, tmp_path / "results").key
    assert key != store.path(specs[0]).stem


RELEASED = sorted(COMMITTED.glob("*/released/*.safetensors"))


def test_released_weights_are_small_whole_and_have_a_record():
    assert sum(path.stat().st_size for path in RELEASED) <= 30 * 2**20
    for path in RELEASED:
        record = read_record(path.parents[1] / f"{path.stem}.json")
        network = trained_network(Trained(path.parents[1].name, record, path))
        assert network.model.profile == record.spec.profile
        assert abs(network.card.error - record.outcome["error"]) < 0.2  # of float32 and bfloat16


def test_a_fresh_clone_has_a_network_for_150k_parameters(tmp_path, here):
    done = here("export", "--params", "150k", "-o", "net.safetensors")
    assert done.returncode == 0, done.stderr
    model, card = load_exported(tmp_path / "net.safetensors")
    assert card.weights == "trained"
    assert card.shape.params(model.profile) <= 150_000
    assert f"test error {card.error:.2f}% (run {card.key} of {card.scale})" in done.stdout


EXAMPLES = [
    line.strip()
    for line in export_command.help.splitlines()
    if line.strip().startswith("prunelib export") and "--train" not in line
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_help_need_nothing_that_a_fresh_clone_lacks(example, tmp_path, here):
    pytest.importorskip("onnxruntime")
    _, *asked = shlex.split(example)
    done = here(*asked)
    assert done.returncode == 0, done.stderr
    assert read_card(tmp_path / asked[asked.index("-o") + 1]).weights == "trained"


def test_below_the_measured_sizes_there_is_a_network_to_train(tmp_path, here):
    asked = "export", "--params", "50k", "-o", "net.safetensors"
    done = here(*asked)
    assert done.returncode == 2
    assert "no network within this budget was measured at mini" in done.stderr
    assert "add --train" in done.stderr
    assert here(*asked, "--random-weights").returncode == 0
    (named,) = json.loads(here("fit", "--params", "50k", "--json").stdout)[:1]
    model, _ = load_exported(tmp_path / "net-random.safetensors")
    assert json.loads(model.profile.to_json()) == named["profile"]


@pytest.mark.skipif("PRUNELIB_DATA" not in os.environ, reason="no CIFAR-10 named")
def test_that_network_as_a_file_has_the_error_that_it_states(tmp_path, here):
    pytest.importorskip("onnxruntime")
    assert here("export", "--params", "150k", "-o", "net.onnx").returncode == 0
    card, run = read_card(tmp_path / "net.onnx"), runner(tmp_path / "net.onnx")
    data = load_data("cifar10", card.image_size)
    images = data.test.x.permute(0, 3, 1, 2).numpy()
    found = np.concatenate([run(part).argmax(1) for part in np.array_split(images, 20)])
    error = 100 * (found != data.test.y.numpy()).mean()
    assert abs(error - card.error) <= 0.05


@pytest.mark.slow
def test_networks_take_turns_and_the_ratio_is_within_turns(tmp_path):
    pytest.importorskip("onnxruntime")
    base = replace(CARD, base=ChannelProfile.full(16, 1))
    export.export_network(small(), base, tmp_path / "net.onnx", "float32")
    asked = "time", "net.onnx", "--seconds", "0.3", "--json"
    done = prunelib(*asked, "--against", "base", "--batch", 3, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["ms"]) == {"net.onnx", "base"}
    assert found["rounds"] >= 10
    for row in (*found["ms"].values(), found["ratio"]):
        assert 0 < row["low"] <= row["median"] <= row["high"]
    alone = prunelib(*asked, folder=tmp_path)
    assert json.loads(alone.stdout)["ratio"] is None
    people = prunelib(*asked[:-1], "--against", "net.onnx", folder=tmp_path)
    assert people.returncode == 0, people.stderr
    assert "ratio" in people.stdout


@pytest.mark.slow
def test_a_wheel_outside_the_repository_answers_as_the_repository(tmp_path, here):
    source, installed = tmp_path / "source", tmp_path / "installed"
    ignored = shutil.ignore_patterns(".*", "_build", "build", "*.egg-info")
    shutil.copytree(COMMITTED.parent, source, ignore=ignored)
    wheel = "-m pip wheel -q --no-deps --no-build-isolation --disable-pip-version-check -w"
    subprocess.run([sys.executable, *wheel.split(), tmp_path, source], check=True)
    shutil.rmtree(source)
    shutil.unpack_archive(next(tmp_path.glob("*.whl")), installed, "zip")
    run = f"import sys; sys.path.insert(0, {str(installed)!r}); import prunelib.cli.main as m; "
    run += f"assert m.__file__.startswith({str(installed)!r}); m.run_prunelib()"
    output = "-o", "net.safetensors"
    for asked in (
        ("fit", "--params", "100k", "--json"),
        ("verdicts", "--json"),
        ("export", "--params", "12k", "--scale", "smoke", "--random-weights", *output),
        ("export", "--params", "150k", *output),
    ):
        command = [sys.executable, "-c", run, *asked]
        outside = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert outside.returncode == 0, outside.stderr
        assert outside.stdout == here(*asked, "--results", COMMITTED).stdout
