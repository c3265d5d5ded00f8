"""Images of one's own: five forms, any size and mode, clear errors, and the whole way to a file."""

import json
import os
import pickle
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from command import prunelib
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, examples
from PIL import Image
from sklearn.datasets import load_digits

from prunelib.errors import PrunelibError
from prunelib.nets.export import load_exported
from prunelib.nets.profile import ChannelProfile
from prunelib.study.runs import run, run_on
from prunelib.study.scales import scale_named
from prunelib.study.specs import DataSpec, TrainSpec
from prunelib.study.start_weights import RunContext
from prunelib.study.store import Store
from prunelib.training.data import Dataset
from prunelib.training.data import load as load_data
from prunelib.training.data.folders import TRAINS, splits
from prunelib.training.data.own_images import held_out
from prunelib.training.data.pixels import OVERSHOOT, converted, with_one_white
from prunelib.training.data.sources import TESTS, in_arrays
from prunelib.training.protocols import TrainProtocol
from prunelib.training.source import Source, has_own_images, load_source

NAMES = ("cat", "dog", "eel")
SIZE = 8
SMALL = ChannelProfile.full(10, 0.25)


def colours(count=30):
    """Three classes of digits in colour, uint8 (N, 8, 8, 3), and their labels."""
    digits = load_digits(n_class=3)
    x = (digits.images[:count, :, :, None] * [15.9, 10, 5]).astype(np.uint8)
    return x, digits.target[:count]


def encoded(pixels):
    import io

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def write_folder(root, x, y):
    for i, (pixels, label) in enumerate(zip(x, y, strict=True)):
        (root / NAMES[label]).mkdir(parents=True, exist_ok=True)
        (root / NAMES[label] / f"{997 * i % 101:03}.png").write_bytes(encoded(pixels))
    return root


def write_parquet(path, x, y, **more):
    images = [{"bytes": encoded(pixels), "path": None} for pixels in x]
    table = pyarrow.table({"picture": images, "kind": y.astype(np.int64), **more})
    features = {"kind": {"names": list(NAMES), "_type": "ClassLabel"}}
    kept = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table.replace_schema_metadata(kept), path)


class Torch(torch.utils.data.Dataset):
    classes = list(NAMES)

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]).permute(2, 0, 1) / 255, int(self.y[i])


def forms(root, train, test):
    """The same images in each of the five forms."""
    write_folder(root / "folder" / "train", *train)
    write_folder(root / "folder" / "test", *test)
    names = dict(zip(("x_train", "y_train", "x_test", "y_test"), (*train, *test), strict=True))
    np.savez(root / "arrays.npz", **names, classes=NAMES)
    write_parquet(root / "hub/data/train-00000-of-00001.parquet", *train)
    write_parquet(root / "hub/data/test-00000-of-00001.parquet", *test)
    return {
        "folder": Dataset.from_folder(root / "folder", SIZE),
        "npz": load_source(Source(root / "arrays.npz"), SIZE)[0],
        "parquet": Dataset.from_parquet(root / "hub", SIZE),
        "arrays": Dataset.from_arrays(train, test, NAMES, SIZE),
        "torch": Dataset.from_torch(Torch(*train), Torch(*test), SIZE),
    }


def test_five_forms_of_the_same_images_give_the_same_key_and_the_same_error(tmp_path):
    x, y = colours(60)
    shuffled = np.random.default_rng(0).permutation(45)
    made = forms(tmp_path, (x[:45][shuffled], y[:45][shuffled]), (x[45:], y[45:]))
    specs = {name: DataSpec.of(data) for name, data in made.items()}
    assert len(set(specs.values())) == 1
    assert all(data.classes == NAMES for data in made.values())
    sources = {"folder": "folder", "npz": "arrays.npz", "parquet": "hub"}
    found = set()
    for name, data in made.items():
        assert data.digest == made["npz"].digest, name
        spec = TrainSpec(SMALL, specs[name], TrainProtocol(2, 16, milestones=(1,), pad=1), 0)
        store = Store(tmp_path / f"records of {name}")
        if name in sources:
            record = run(spec, store, CPU, tmp_path / sources[name])
        else:
            record = run_on(spec, RunContext(store, data, CPU))
        assert record.circumstances["data"]["classes"] == list(NAMES)
        found.add((record.key, record.outcome["error"], record.outcome["epochs"]["train_loss"][-1]))
    assert len(found) == 1


def test_without_test_images_every_form_holds_out_the_same_ones(tmp_path):
    x, y = colours(60)
    order = np.random.default_rng(1).permutation(60)
    one = Dataset.from_folder(write_folder(tmp_path / "folder", x, y), SIZE)
    other = Dataset.from_arrays((x[order], y[order]), classes=NAMES, size=SIZE)
    assert one.digest == other.digest
    assert 9 <= len(one.test.y) <= 15
    assert len(one.test.y) + len(one.train.y) == 60
    train = {image.tobytes() for image in one.train.x.numpy()}
    assert not any(image.tobytes() in train for image in one.test.x.numpy())


@examples(50)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), min_size=1, max_size=60),
    st.floats(0.05, 0.95),
)
def test_whatever_is_held_out_equal_images_stay_together(rows, share):
    rows = sorted([*rows, *((label, value) for label in range(3) for value in (50, 51))])
    x = torch.tensor([value for _, value in rows], dtype=torch.uint8)[:, None, None, None]
    from prunelib.training.data import Split

    train, test = held_out(Split(x, torch.tensor([y for y, _ in rows])), NAMES, share)
    pairs = [set(zip(s.y.tolist(), s.x.flatten().tolist(), strict=True)) for s in (train, test)]
    assert not pairs[0] & pairs[1]
    assert pairs[0] | pairs[1] == set(rows)
    assert {y for y, _ in pairs[1]} == {0, 1, 2} == {y for y, _ in pairs[0]}


MODES = {
    "L": lambda im: im.convert("L"),
    "P": lambda im: im.convert("P"),
    "RGBA": lambda im: im.convert("RGBA"),
    "LA": lambda im: im.convert("LA"),
    "CMYK": lambda im: im.convert("CMYK"),
    "1": lambda im: im.convert("1"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_mode_and_size_becomes_what_is_asked_for(mode, channels):
    ramp = np.linspace(0, 255, 20 * 12 * 3).reshape(12, 20, 3).astype(np.uint8)
    image = MODES[mode](Image.fromarray(ramp))
    found = converted(image, 9, channels)
    assert found.pixels.shape == (9, 9, channels)
    assert found.pixels.dtype == np.uint8
    assert found.pixels.std() > 10
    assert any(what.startswith("cut") for what in found.done)


def test_sixteen_bits_floats_and_transparency_keep_their_brightness():
    grey = np.linspace(0, 255, 64).reshape(8, 8).round()
    for pixels in (
        (grey * 257).astype(np.uint16),
        (grey / 255).astype(np.float32),
        grey.astype(np.uint8)[:, :, None],
        np.repeat(grey.astype(np.uint8)[None], 3, 0),
    ):
        assert np.abs(converted(pixels, 8, 1).pixels[:, :, 0] - grey).max() <= 1
    deep = Image.fromarray((grey * 257).astype(np.uint16))
    assert np.abs(converted(deep, 8, 1).pixels[:, :, 0] - grey).max() <= 1
    clear = np.zeros((8, 8, 4), np.uint8)
    assert (converted(clear, 8, 3).pixels == 255).all()


@examples(100)
@given(
    st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), min_size=1, max_size=6),
    st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_white_is_the_same_in_all_images_of_an_array_of_floats(rows, kind):
    """However dark some of them are, and whichever white is meant."""
    x = np.array([*rows, [0, 0, 0, 0], [1, 0, 1, 0], [0, 255, 2, 0]], np.uint8).reshape(-1, 2, 2)
    labels = np.arange(len(x))
    for floats in (x.astype(kind), (x / 255).astype(kind)):
        found = with_one_white(in_arrays((floats, labels)).train)
        assert np.array_equal([item.image for item in found], x)


@examples(50)
@given(st.floats(1, OVERSHOOT), st.integers(0, 2))
def test_floats_a_little_above_white_are_white_and_make_no_other_image_darker(above, which):
    """As after resizing with a filter that overshoots."""
    floats = np.linspace(0, 1, 48).reshape(3, 4, 4)
    floats[which, 0, 0] = above
    found = with_one_white(in_arrays((floats, np.arange(3))).train)
    expected = (np.minimum(floats, 1) * 255).round()
    assert np.array_equal([item.image for item in found], expected)
    for pixels in (floats[which], Image.fromarray(floats[which].astype(np.float32))):
        assert np.abs(converted(pixels, 4, 1).pixels[:, :, 0] - expected[which]).max() <= 1


def test_images_of_floats_are_those_of_bytes_in_arrays_and_in_pytorch():
    x, y = colours()
    x[0] = 1
    digest = Dataset.from_arrays((x, y), size=SIZE).digest
    floats = x.astype(np.float32)
    assert Dataset.from_arrays((floats, y), size=SIZE).digest == digest
    pairs = [(torch.from_numpy(image), int(label)) for image, label in zip(floats, y, strict=True)]
    assert Dataset.from_torch(pairs, size=SIZE).digest == digest


def broken(root):
    x, y = colours()
    return write_folder(root, x, y)


def test_files_that_cannot_be_read_are_skipped_and_told(tmp_path):
    root = broken(tmp_path / "own")
    (root / "dog" / "broken.png").write_bytes(b"junk")
    (root / "dog" / "notes.txt").write_text("", encoding="utf-8")
    (root / ".hidden").mkdir()
    data, told = load_source(Source(root), SIZE)
    assert len(data.train.y) + len(data.test.y) == 30
    said = "\n".join(told)
    assert "broken.png" in said
    assert "1 file" in said
    assert "3 classes" in told[0]


def test_a_class_that_cannot_be_read_is_refused_with_the_reason(tmp_path):
    root = broken(tmp_path / "own")
    (root / "cat" / "broken.png").write_bytes(b"junk")
    for path in (root / "dog").iterdir():
        path.write_bytes(b"junk")
    with pytest.raises(PrunelibError, match=r"of class dog can be read.*: \d+, such as .*/dog/"):
        load_source(Source(root), SIZE)


@pytest.mark.parametrize("folder", [".", "dog", "dog/more"])
def test_a_folder_that_cannot_be_listed_is_refused_with_the_reason(folder, tmp_path, monkeypatch):
    """Simulated, for root may list any."""
    closed = broken(tmp_path / "own") / folder
    closed.mkdir(exist_ok=True)

    def closing(listing):
        def lister(path="."):
            if os.fspath(path) == os.fspath(closed):
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return listing(path)

        return lister

    monkeypatch.setattr(os, "scandir", closing(os.scandir))
    monkeypatch.setattr(os, "listdir", closing(os.listdir))
    with pytest.raises(PrunelibError, match=f"{closed} cannot be read: Permission denied"):
        load_source(Source(tmp_path / "own"), SIZE)


def test_a_class_without_test_images_is_told(tmp_path):
    x, y = colours()
    write_folder(tmp_path / "train", x, y)
    write_folder(tmp_path / "test", x[y < 2] // 2, y[y < 2])
    with pytest.warns(UserWarning, match="without test images.*: eel"):
        data = Dataset.from_folder(tmp_path, SIZE)
    assert data.classes == NAMES
    assert set(data.test.y.tolist()) == {0, 1}


CASES = (str.lower, str.title, str.upper)


@pytest.mark.parametrize("train", TRAINS)
@pytest.mark.parametrize("test", TESTS)
def test_folders_of_splits_have_any_of_their_names_in_any_case(train, test, tmp_path):
    for case in CASES:
        for other in CASES:
            root = tmp_path / f"{case.__name__} {other.__name__}"
            both = root / case(train), root / other(test)
            for folder in both:
                folder.mkdir(parents=True)
            assert splits(root, []) == both


def test_splits_in_folders_of_other_names_are_the_same_data(tmp_path):
    x, y = colours(60)
    made = []
    for train, test in (("train", "test"), ("Training", "Testing")):
        root = tmp_path / train
        write_folder(root / train, x[:45], y[:45])
        write_folder(root / test, x[45:], y[45:])
        made.append(Dataset.from_folder(root, SIZE).digest)
    assert made[0] == made[1]


def test_of_two_folders_with_test_images_the_first_is_used_and_the_other_is_told(tmp_path):
    x, y = colours(60)
    write_folder(tmp_path / "train", x[:40], y[:40])
    write_folder(tmp_path / "test", x[40:], y[40:])
    data, _ = load_source(Source(tmp_path), SIZE)
    write_folder(tmp_path / "val", x[:40], y[:40])
    (tmp_path / "notes").mkdir()
    load_source.cache_clear()
    other, told = load_source(Source(tmp_path), SIZE)
    assert other.digest == data.digest
    assert "not used, for train/ and test/ are there: val/" in told


def renamed(root, old, new):
    (root / old).rename(root / new)
    return root


@pytest.mark.parametrize("name", ["train", "Train", "training"])
def test_a_class_may_be_called_train(name, tmp_path):
    x, y = colours(60)
    found = Dataset.from_folder(write_folder(tmp_path / "eel", x, y), SIZE)
    root = renamed(write_folder(tmp_path / "train", x, y), "eel", name)
    with pytest.warns(UserWarning, match=f"{name}/ is taken for a class"):
        data = Dataset.from_folder(root, SIZE)
    assert set(data.classes) == {"cat", "dog", name}
    assert len(data.train.y) + len(data.test.y) == len(found.train.y) + len(found.test.y)


def class_or_split(root):
    x, y = colours()
    write_folder(root / "train", x, y)
    (root / "train" / "0.png").write_bytes(encoded(x[0]))
    return Source(write_folder(root, x, y))


def no_class_in_train(root):
    (broken(root) / "train").mkdir()
    return Source(root)


def two_for_training(root):
    x, y = colours()
    write_folder(root / "train", x, y)
    write_folder(root / "Training", x, y)
    return Source(root)


def columns_of(make):
    return lambda root: replace(make(root), label_column="kind")


def empty_class(root):
    (broken(root) / "fox").mkdir()
    return Source(root)


def one_class(root):
    for name in NAMES[1:]:
        shutil.rmtree(broken(root) / name)
        broken(root)
    for name in NAMES[1:]:
        shutil.rmtree(root / name)
    return Source(root)


def strange_class(root):
    x, y = colours()
    write_folder(root / "train", x, y)
    write_folder(root / "test", x, y)
    (root / "test" / "dog").rename(root / "test" / "gnu")
    return Source(root)


def single_image(root):
    x, y = colours()
    keep = np.r_[0, np.flatnonzero(y > 0)]
    return Source(write_folder(root, x[keep], y[keep]))


def nothing(root):
    root.mkdir()
    return Source(root)


def saved(**arrays):
    def make(root):
        path = root.with_suffix(".npz")
        np.savez(path, **arrays)
        return Source(path)

    return make


def junk(name):
    def make(root):
        root.mkdir()
        (root / name).write_bytes(b"junk")
        return Source(root / name)

    return make


def columns(root):
    x, y = colours()
    write_parquet(root / "train.parquet", x, y, other=y.astype(np.int64))
    return Source(root)


X, Y = colours()
WRONG = {
    "empty class": (empty_class, "fox has no images"),
    "one class": (one_class, "only one class"),
    "class of the test images": (strange_class, "gnu"),
    "one image of a class": (single_image, "class cat has only one image"),
    "nothing": (nothing, "no class folders"),
    "not there": (lambda root: Source(root), "not there"),
    "arrays of other names": (saved(a=X, b=Y), "x_train, y_train"),
    "too few labels": (saved(x=X, y=Y[:-1]), "labels of type"),
    "labels are no classes": (saved(x=X, y=Y, classes=NAMES[:2]), "none of the classes"),
    "labels are floats": (saved(x=X, y=Y / 2), "one integer or name"),
    "a class without images": (saved(x=X, y=Y, classes=(*NAMES, "fox")), "class fox"),
    "a name that is not text": (saved(x=X, y=Y, classes=("a", "caf\udce9", "c")), "not UTF-8"),
    "no name": (saved(x=X, y=Y, classes=("", "b", "c")), "0 characters"),
    "a name without end": (saved(x=X, y=Y, classes=("a", "b" * 2_000, "c")), "2,000 characters"),
    "a name twice": (saved(x=X, y=Y, classes=("a", "b", "a")), "two classes"),
    "one number": (saved(x=X[0, 0, 0, 0], y=Y[0]), "must be an array"),
    "names that are none": (saved(x=X, y=Y, classes="cat"), "list of names"),
    "complex pixels": (saved(x=X * 1j, y=Y), "complex128"),
    "normalised": (saved(x=X / 100.0 - 1, y=Y), "before any normalisation"),
    "no npz": (junk("a.npz"), "a.npz"),
    "no parquet": (junk("a.parquet"), "a.parquet"),
    "another file": (junk("a.zip"), "neither a folder nor"),
    "two columns of labels": (columns, "--label-column"),
    "columns of a folder": (columns_of(lambda root: Source(broken(root))), "leave out"),
    "columns of arrays": (columns_of(saved(x=X, y=Y)), "leave out"),
    "train as a class or not": (class_or_split, "cat/, dog/, eel/ would not be used"),
    "train without images": (no_class_in_train, "cat/, dog/, eel/ would not be used"),
    "two folders for training": (two_for_training, "Training/: keep one"),
}


@pytest.mark.parametrize(("make", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused(make, said, tmp_path):
    source = make(tmp_path / "own")
    with pytest.raises(PrunelibError) as told:
        load_source(source, SIZE)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_columns_can_be_named(tmp_path):
    source = columns(tmp_path)
    data, _ = load_source(replace(source, label_column="kind"), SIZE)
    assert data.classes == NAMES
    with pytest.raises(PrunelibError, match="no column 'colour'"):
        load_source(replace(source, image_column="colour"), SIZE)


def test_fewer_images_than_a_batch_and_a_last_batch_of_one_train(tmp_path):
    for count, batch in ((30, 128), (33, 32)):
        x, y = colours(count)
        data = Dataset.from_arrays((x, y), (x, y), size=SIZE)
        from prunelib.nets.wideresnet import WideResNet
        from prunelib.training.trainer import train

        model = WideResNet(SMALL, 3, 3)
        (epoch,) = train(model, data, TrainProtocol(1, batch, milestones=(), pad=1), 0, CPU)
        assert np.isfinite(epoch.train_loss)
        assert 0 <= epoch.test_error <= 100


def test_a_black_channel_does_no_harm():
    x, y = colours()
    data = Dataset.from_arrays((x * [1, 0, 1], y), size=SIZE)
    assert torch.isfinite(data.normalise(data.train.x)).all()


def test_labels_in_numbers_are_ordered_as_numbers(tmp_path):
    x, _ = colours(24)
    for i, pixels in enumerate(x):
        folder = tmp_path / "own" / str(i % 12)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    data = Dataset.from_folder(tmp_path / "own", SIZE)
    assert data.classes == tuple(map(str, range(12)))
    assert in_arrays((x, np.arange(24) % 12)).classes is None


BY_LETTERS = ("0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9")


def places_in_torch(root, x, y):
    data = Torch(x, y)
    data.classes = BY_LETTERS
    return Dataset.from_torch(data, size=SIZE)


def places_in_parquet(root, x, y):
    images = [{"bytes": encoded(pixels), "path": None} for pixels in x]
    kept = {"info": {"features": {"kind": {"names": BY_LETTERS, "_type": "ClassLabel"}}}}
    table = pyarrow.table({"picture": images, "kind": y})
    table = table.replace_schema_metadata({"huggingface": json.dumps(kept)})
    pyarrow.parquet.write_table(table, root / "train.parquet")
    return Dataset.from_parquet(root, SIZE)


def places_in_arrays(root, x, y):
    return Dataset.from_arrays((x, y), classes=BY_LETTERS, size=SIZE)


@pytest.mark.parametrize("make", [places_in_torch, places_in_parquet, places_in_arrays])
def test_integers_are_places_among_names_that_are_numbers(tmp_path, make):
    """As torchvision's ImageFolder and Hugging Face count: images of label 2 are those of 10."""
    y = np.arange(44) % 11
    x = np.repeat((y * 20).astype(np.uint8), SIZE * SIZE * 3).reshape(-1, SIZE, SIZE, 3)
    x[:, 0, 0, 0] = np.arange(44)
    data = make(tmp_path, x, y)
    assert data.classes == BY_LETTERS
    assert (data.train.x[:, 1, 1, 0] == data.train.y * 20).all()


def test_integers_that_are_no_places_are_names():
    x, y = colours()
    data = Dataset.from_arrays((x, y + 1), classes=("1", "2", "3"), size=SIZE)
    assert (data.train.y.bincount() + data.test.y.bincount()).tolist() == np.bincount(y).tolist()


@pytest.mark.parametrize("label", [0.5, torch.tensor(1.0), torch.tensor([0, 1]), None])
def test_labels_of_pytorch_that_are_no_integers_are_refused(label):
    x, _ = colours()
    with pytest.raises(PrunelibError, match="training image 0 must be a pair"):
        Dataset.from_torch([(image, label) for image in x], size=SIZE)


def parquet_of(root, labels, names):
    x, _ = colours(len(labels))
    images = [{"bytes": encoded(pixels), "path": None} for pixels in x]
    kept = {"info": {"features": {"kind": {"names": names, "_type": "ClassLabel"}}}}
    table = pyarrow.table({"picture": images, "kind": labels})
    table = table.replace_schema_metadata({"huggingface": json.dumps(kept)})
    pyarrow.parquet.write_table(table, root / "train.parquet")
    source = Source(root, image_column="picture", label_column="kind")
    return load_source(source, SIZE)[0]


@pytest.mark.parametrize("labels", [[0.5, 1.0] * 10, [[0], [1]] * 10, [b"a", b"b"] * 10])
def test_a_column_that_holds_no_labels_is_refused(tmp_path, labels):
    with pytest.raises(PrunelibError, match="for a label"):
        parquet_of(tmp_path, labels, None)


def test_truth_is_a_label(tmp_path):
    x, _ = colours(20)
    data = parquet_of(tmp_path, [False, True] * 10, None)
    assert data.classes == ("0", "1")
    pairs = [(image, i % 2 == 1) for i, image in enumerate(x)]
    assert Dataset.from_torch(pairs, size=SIZE).digest == data.digest


@pytest.mark.parametrize(("names", "classes"), [("ab", ("0", "1")), ([7, 8], ("7", "8"))])
def test_names_in_a_schema_are_a_list_of_anything(tmp_path, names, classes):
    assert parquet_of(tmp_path, [0, 1] * 10, names).classes == classes


def test_a_loader_is_no_data_set():
    x, y = colours()
    with pytest.raises(PrunelibError, match=r"loader\.dataset"):
        Dataset.from_torch(torch.utils.data.DataLoader(Torch(x, y)), size=SIZE)


def test_files_that_cannot_be_read_are_a_warning_in_python_too(tmp_path):
    root = write_folder(tmp_path / "own", *colours())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = Dataset.from_folder(root, SIZE)
    (root / "cat" / "broken.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"cannot be read: 1, such as .*broken\.png") as caught:
        rest = Dataset.from_folder(root, SIZE)
    assert caught[0].filename == __file__
    assert rest.digest == whole.digest


def test_folders_that_are_not_utf8_are_refused_before_anything_is_trained(tmp_path):
    x, y = colours()
    root = write_folder(tmp_path / "own", x, y)
    os.rename(root / "cat", os.fsencode(root) + b"/caf\xe9")
    with pytest.raises(PrunelibError, match="not UTF-8"):
        Dataset.from_folder(root, SIZE)


TOML = """
like = "smoke"
seeds = 1
budgets = [3_000, 5_000]
[data]
path = "flowers"
size = 8
[base]
depth = 10
width = 0.25
[train]
epochs = 3
"""


@pytest.fixture
def flowers(tmp_path):
    x, y = colours(60)
    write_folder(tmp_path / "flowers", x, y)
    (tmp_path / "my.toml").write_text(TOML, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_whole_way_with_a_file_for_a_scale_and_nothing_else(flowers):
    scale = scale_named(str(flowers / "my.toml"))
    assert (scale.name, scale.base) == ("my", SMALL)
    assert scale.shape == (3, 3, 8)
    assert scale.train.epochs == 3
    some = "--families", "base,bottleneck", "--seeds", 1
    done = prunelib("study", "my.toml", *some, folder=flowers)
    assert done.returncode == 0, done.stderr
    assert "test images of 3 classes (cat" in done.stderr
    status = prunelib("status", "my.toml", *some, folder=flowers)
    assert status.stdout.endswith("nothing missing, in results/my\n")
    budget = 5_000
    fitted = prunelib("fit", "--scale", "my.toml", "--params", budget, folder=flowers)
    assert fitted.returncode == 0, fitted.stderr
    assert "bottleneck" in fitted.stdout
    assert prunelib("verdicts", "my.toml", folder=flowers).returncode == 0
    asked = "export", "--scale", "my.toml", "--params", budget, "-o", "net.safetensors"
    assert prunelib(*asked, folder=flowers).returncode == 0
    model, card = load_exported(flowers / "net.safetensors")
    assert card.classes == NAMES
    assert card.base == SMALL
    assert model.profile == card.profile


def test_train_takes_a_folder_of_images(flowers):
    done = prunelib("train", "smoke", "--data", "flowers", "--epochs", 1, folder=flowers)
    assert done.returncode == 0, done.stderr
    (path,) = (flowers / "results").rglob("*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    data = record["spec"]["data"]
    assert data["train_images"] + data["test_images"] == 60
    assert record["circumstances"]["data"]["classes"] == list(NAMES)


def test_a_class_that_was_renamed_has_its_new_name_in_files(flowers):
    asked = "train", "smoke", "--data", "flowers", "--epochs", 1, "--export", "net.safetensors"
    for old, new in (("cat", "cat"), ("cat", "a cat")):
        (flowers / "flowers" / old).rename(flowers / "flowers" / new)
        load_source.cache_clear()
        done = prunelib(*asked, folder=flowers)
        assert done.returncode == 0, done.stderr
        _, card = load_exported(flowers / "net.safetensors")
        assert card.classes == (new, *NAMES[1:])
    assert len(list((flowers / "results").rglob("*.json"))) == 1


def test_images_that_are_named_but_not_there_are_not_passed_over(flowers):
    """Scale smoke has images of its own: they are not trained on in place of those asked for."""
    (flowers / "flat").mkdir()
    shutil.copy(next((flowers / "flowers/cat").iterdir()), flowers / "flat")
    for name in ("flat", "nowhere"):
        done = prunelib("train", "smoke", "--data", name, "--epochs", 1, folder=flowers)
        assert done.returncode == 2
        assert name in done.stderr
    assert not (flowers / "results").exists()


WRONG_FILES = {
    "not there": (None, "cannot be read"),
    "no toml": ("like =", "is not TOML"),
    "unknown": ("colour = 1", "colour"),
    "of a type": ("[train]\nepochs = 'many'", "train.epochs"),
    "like what": ("like = 'big'", "unknown scale 'big'"),
    "name of the project's": ("name = 'mini'", "another name"),
    "data": ("[data]\nname = 'mnist'", "mnist"),
    "path": ("[data]\npath = 'nowhere'", "not there"),
    "size": ("[data]\nname = 'cifar10'\nsize = 12", "data.size"),
    "depth": ("[base]\ndepth = 11", "6n + 4"),
    "name of a folder above": ("name = '..'", "name"),
    "name of other results": ("name = 'repeats'", "another name"),
    "more seeds than anybody has time for": ("seeds = 1_000_000_000_000", "seeds"),
    "no budget": ("budgets = []", "budgets"),
    "a budget of nothing": ("budgets = [0]", "budgets.0"),
    "momentum": ("[train]\nmomentum = -1.0", "train.momentum"),
    "weight decay": ("[train]\nweight_decay = -1.0", "train.weight_decay"),
    "padding": ("[train]\npad = 1_000_000", "train.pad"),
    "batches": ("[train]\nbatch_size = 1_000_000_000_000_000_000_000", "train.batch_size"),
    "updates": ("[prune]\nsteps = 1_000_000_000_000", "prune.steps"),
    "an end below nothing": ("[prune]\nstop_params = -3", "prune.stop_params"),
    "nested": ("a = " + "[" * 100_000, "too deep"),
}


@pytest.mark.parametrize(("text", "said"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_is_no_scale_is_refused(text, said, tmp_path):
    path = tmp_path / "my.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(PrunelibError) as told:
        scale_named(str(path))
    assert said in str(told.value)


def test_a_scale_is_read_as_other_files_are(tmp_path):
    """With a byte order mark, as Notepad writes it; and a pipe is not waited for."""
    path = tmp_path / "my.toml"
    path.write_text('\ufefflike = "smoke"', encoding="utf-8")
    assert scale_named(str(path)).data.name == "digits"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(PrunelibError, match="not a file"):
        scale_named(str(path))


@pytest.mark.parametrize("name", [".toml", "..toml", "...toml"])
def test_records_of_a_scale_never_lie_outside_its_folder(tmp_path, name):
    (tmp_path / name).write_text('like = "smoke"', encoding="utf-8")
    with pytest.raises(PrunelibError, match="name ="):
        scale_named(str(tmp_path / name))


def test_images_that_have_changed_are_told_from_those_of_the_record(flowers):
    scale = scale_named(str(flowers / "my.toml"))
    (flowers / "flowers" / "cat" / "new.png").write_bytes(encoded(X[0][::-1]))
    load_source.cache_clear()
    with pytest.raises(PrunelibError, match="not those of this run"):
        run(scale.base_spec(0), Store(flowers / "results"), CPU, scale.root())


def test_cifar100_is_the_same_from_both_sources(tmp_path, monkeypatch):
    from prunelib.training.data import cifar100

    random = np.random.default_rng(0)
    names = [f"class {i:02}" for i in range(100)]
    official, mirror = tmp_path / "a/cifar-100-python", tmp_path / "b/cifar100"
    official.mkdir(parents=True)
    monkeypatch.setitem(cifar100.TRAINING_IMAGES, "cifar100", 200)
    monkeypatch.setitem(cifar100.TEST_IMAGES, "cifar100", 100)
    (official / "meta").write_bytes(
        pickle.dumps({b"fine_label_names": [name.encode() for name in names]})
    )
    for split, count in (("train", 200), ("test", 100)):
        x = random.integers(0, 256, (count, 32, 32, 3), np.uint8)
        y = np.arange(count) % 100
        flat = x.transpose(0, 3, 1, 2).reshape(count, -1)
        batch = {b"data": flat, b"fine_labels": y.tolist()}
        (official / split).write_bytes(pickle.dumps(batch))
        images = [{"bytes": encoded(p), "path": None} for p in x[::-1]]
        columns = {"img": images, "fine_label": y[::-1], "coarse_label": y[::-1] // 5}
        features = {"fine_label": {"names": names, "_type": "ClassLabel"}}
        table = pyarrow.table(columns).replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
        mirror.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(table, mirror / f"{split}-00000-of-00001.parquet")
    one = load_data("cifar100", 16, official.parent)
    other = load_data("cifar100", 16, mirror.parent)
    assert one.digest == other.digest
    assert one.shape == (3, 100, 16)
    assert one.classes == other.classes == tuple(names)
    with pytest.raises(PrunelibError, match="no CIFAR-100 in"):
        load_data("cifar100", 32, tmp_path)


def test_own_images_are_told_from_cifar(tmp_path, flowers):
    assert has_own_images(flowers / "flowers")
    assert not has_own_images(tmp_path / "nowhere")
    (tmp_path / "there" / "cifar-10-batches-py").mkdir(parents=True)
    assert not has_own_images(tmp_path / "there")
