import hashlib
import io
import itertools
import os
import pickle
from collections import Counter

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import dataset, examples, images
from PIL import Image
from sklearn.datasets import load_digits

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import PRUNING, InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.training.data import Split, cifar10, generator, load, registry, train_batches


def numbered(n, size=4, channels=1, seed=0):
    """Random images whose label is their index."""
    return dataset(Split(images(n, seed, size, channels).x, torch.arange(n)))


def take(batches, n):
    return list(itertools.islice(batches, n))


def equal(ours, theirs):
    return len(ours) == len(theirs) and all(
        torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(ours, theirs, strict=True)
    )


def augmentations(image, pad, flip, mean, std):
    """All crops and flips of one image (H, W, C), as (row, column, flipped, normalised CHW)."""
    size = len(image)
    padded = np.zeros((size + 2 * pad, size + 2 * pad, image.shape[2]), np.uint8)
    padded[pad : pad + size, pad : pad + size] = image
    for row, column in itertools.product(range(2 * pad + 1), repeat=2):
        crop = padded[row : row + size, column : column + size]
        for mirrored in (False, True)[: 1 + flip]:
            pixels = crop[:, ::-1] if mirrored else crop
            yield row, column, mirrored, ((pixels - mean) / std).transpose(2, 0, 1)


@examples(15)
@given(
    n=st.integers(1, 9),
    size=st.integers(3, 5),
    channels=st.sampled_from([1, 3]),
    batch_size=st.integers(1, 10),
    pad=st.integers(0, 2),
    flip=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_batches_are_crops_and_flips_of_padded_images(
    n, size, channels, batch_size, pad, flip, seed
):
    source = numbered(n, size, channels, seed)
    mean, std = source.mean.double().numpy(), source.std.double().numpy()
    for x, y in take(train_batches(source, batch_size, pad, flip, seed), -(-n // batch_size)):
        assert x.dtype == torch.float32
        assert x.shape == (len(y), channels, size, size)
        assert x.is_contiguous(memory_format=torch.channels_last)
        for image, index in zip(x.double().numpy(), y, strict=True):
            possible = augmentations(source.train.x[index].numpy(), pad, flip, mean, std)
            assert any(np.allclose(image, one, atol=1e-5) for *_, one in possible)


def drawn(source, x, y, pad):
    mean, std = source.mean.double().numpy(), source.std.double().numpy()
    for image, index in zip(x.double().numpy(), y, strict=True):
        yield next(
            (row, column, mirrored)
            for row, column, mirrored, one in augmentations(
                source.train.x[index].numpy(), pad, True, mean, std
            )
            if np.allclose(image, one, atol=1e-5)
        )


def test_every_image_gets_its_own_crop_and_flip_and_all_are_as_likely():
    source = numbered(150)
    x, y = next(train_batches(source, 150, 1, True, seed=0))
    found = Counter(drawn(source, x, y, 1))
    assert len(found) == 18
    assert max(found.values()) < 25
    again = list(drawn(source, *take(train_batches(source, 150, 1, True, seed=0), 2)[1], 1))
    assert Counter(again) != found


def test_without_padding_and_flip_images_come_unchanged():
    source = numbered(7)
    ((x, y),) = take(train_batches(source, 7, 0, False, seed=1), 1)
    assert torch.equal(x, source.normalise(source.train.x[y]))


@examples(25)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 45), epochs=st.integers(1, 3))
def test_an_epoch_visits_each_image_once_in_another_order(n, batch_size, epochs):
    source = numbered(n)
    steps = -(-n // batch_size)
    labels = [
        y for _, y in take(train_batches(source, batch_size, 1, True, seed=3), epochs * steps)
    ]
    orders = []
    for epoch in range(epochs):
        batches = labels[epoch * steps : (epoch + 1) * steps]
        assert [len(y) for y in batches[:-1]] == [batch_size] * (steps - 1)
        orders.append(torch.cat(batches).tolist())
        assert sorted(orders[-1]) == list(range(n))
    if n > 20:
        assert len(set(map(tuple, orders))) == epochs


@examples(25)
@given(n=st.integers(1, 20), batch_size=st.integers(1, 8), start=st.integers(0, 50))
def test_a_run_can_go_on_from_any_step(n, batch_size, start):
    source = numbered(n)
    arguments = (source, batch_size, 1, True, 5, PRUNING)
    whole = take(train_batches(*arguments), start + 4)
    assert equal(take(train_batches(*arguments, start=start), 4), whole[start:])


def test_seeds_and_streams_differ():
    source = numbered(30)
    runs = [
        take(train_batches(source, 30, 1, True, seed, stream), 1)
        for seed in (0, 1)
        for stream in range(5)
    ]
    assert not any(equal(a, b) for a, b in itertools.combinations(runs, 2))


def test_generators_are_independent_streams():
    keys = list(itertools.product((0, 1, 2**31 - 1), range(5), (0, 1, 10**6)))
    first = [torch.rand(4, generator=generator(*key)).tolist() for key in keys]
    assert first == [torch.rand(4, generator=generator(*key)).tolist() for key in keys]
    assert len(set(map(tuple, first))) == len(keys)


def test_images_are_normalised_by_the_training_set():
    source = dataset(images(20, size=4, channels=3), images(5, 1, 4, 3))
    x = source.normalise(source.train.x)
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)
    expected = (source.test.x.numpy() - source.mean.numpy()) / source.std.numpy()
    torch.testing.assert_close(
        source.normalise(source.test.x).permute(0, 2, 3, 1).numpy(), expected, atol=1e-5, rtol=0
    )


@examples(40)
@given(
    st.integers(1, 3),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(1, 3),
    st.sampled_from([1, 3]),
    st.integers(0, 10**6),
)
def test_averaging_rounds_the_mean_of_each_square(n, k, cells, channels, seed):
    random = np.random.default_rng(seed)
    low = random.integers(0, 255)
    x = random.integers(low, 256, (n, k * cells, k * cells, channels), np.uint8)
    ours = registry.average(torch.from_numpy(x), k).numpy()
    assert ours.dtype == np.uint8
    for image, row, column, channel in np.ndindex(*ours.shape):
        square = x[image, row * k : (row + 1) * k, column * k : (column + 1) * k, channel]
        total, pixels = int(square.sum()), k * k
        assert ours[image, row, column, channel] == (2 * total + pixels) // (2 * pixels)


def test_the_digits_are_those_of_scikit_learn_every_fifth_for_testing():
    bunch = load_digits()
    ours = load("digits")
    train = [i for i in range(1797) if i % 5 != 4]
    test = list(range(4, 1797, 5))
    for split, index in ((ours.train, train), (ours.test, test)):
        assert split.y.tolist() == bunch.target[index].tolist()
        pixels = split.x[..., 0].double().numpy()
        assert np.abs(pixels - bunch.images[index] * 255 / 16).max() <= 0.5
    assert ours.shape == (1, 10, 8)
    assert set(ours.train.y.tolist()) == set(ours.test.y.tolist()) == set(range(10))
    pixels = ours.train.x.double().numpy()
    assert ours.mean.item() == pytest.approx(pixels.mean())
    assert ours.std.item() == pytest.approx(pixels.std())


def test_a_shape_counts_for_its_data():
    profile = ChannelProfile.full(10, 0.5)
    shape = InputShape(1, 7, 8)
    assert shape.params(profile) == profile.count_params(in_channels=1, num_classes=7)
    assert shape.macs(profile) == profile.count_macs(8, in_channels=1, num_classes=7)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mnist", None),
        ("digits", 4),
        ("digits", 16),
        ("digits", -8),
        ("digits", 0),
        ("cifar10", 64),
        ("cifar10", 12),
        ("cifar10", -64),
    ],
)
def test_unknown_names_and_sizes_are_refused(name, size):
    with pytest.raises(PrunelibError, match=f"{name}.*{'' if size is None else size}"):
        load(name, size)


OFFICIAL = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
MIRROR = ["train-00000.parquet", "train-00001.parquet", "test-00000.parquet"]


def cifar_images(n, seed):
    return images(n, seed, 32, 3)


def official_rows(x):
    """1024 red values row by row, then green, then blue."""
    return np.stack(
        [np.concatenate([image[:, :, c].reshape(-1) for c in range(3)]) for image in x.numpy()]
    )


def write_official(folder, n=3):
    folder.mkdir(parents=True)
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": []}))
    splits = []
    for seed, name in enumerate(OFFICIAL):
        split = cifar_images(n, seed)
        batch = {b"data": official_rows(split.x), b"labels": split.y.tolist(), b"filenames": []}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
        splits.append(split)
    return splits[:5], splits[5:]


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_parquet(path, encoded, labels):
    rows = [{"bytes": image, "path": None} for image in encoded]
    pyarrow.parquet.write_table(pyarrow.table({"img": rows, "label": labels}), path)


def write_mirror(folder, n=3):
    folder.mkdir(parents=True)
    splits = []
    for seed, name in enumerate(MIRROR):
        split = cifar_images(n, seed)
        write_parquet(folder / name, [png(x) for x in split.x.numpy()], split.y.tolist())
        splits.append(split)
    return splits[:2], splits[2:]


@pytest.fixture
def small(monkeypatch):
    """Accept any images as CIFAR-10, in the order in which they are read."""
    monkeypatch.setattr(cifar10, "canonical", lambda split, *_: split)
    joined = cifar10.joined_splits

    def accept(parts, expected, what, folder):
        return joined(parts, sum(len(part.y) for part in parts), what, folder)

    monkeypatch.setattr(cifar10, "joined_splits", accept)


@pytest.mark.parametrize("write", [write_official, write_mirror])
def test_cifar10_is_read_as_it_was_written(tmp_path, small, write):
    folder = tmp_path / "files"
    expected = write(folder)
    for ours, parts in zip(cifar10.read_cifar10(folder), expected, strict=True):
        assert torch.equal(ours.x, torch.cat([part.x for part in parts]))
        assert torch.equal(ours.y, torch.cat([part.y for part in parts]))
        assert ours.y.dtype == torch.int64


@pytest.mark.parametrize("size", [32, 16, 8])
def test_cifar10_is_averaged_to_a_smaller_size(tmp_path, small, size):
    train, test = write_official(tmp_path / "cifar-10-batches-py")
    ours = load("cifar10", size, tmp_path)
    k = 32 // size
    assert ours.shape == (3, 10, size)
    assert torch.equal(ours.train.x, registry.average(torch.cat([part.x for part in train]), k))
    assert torch.equal(ours.test.x, registry.average(test[0].x, k))
    pixels = ours.train.x.double().numpy()
    np.testing.assert_allclose(ours.mean, pixels.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(ours.std, pixels.std((0, 1, 2)), rtol=1e-6)


@pytest.mark.parametrize("size", [-8, -32])
def test_cifar10_of_negative_size_is_refused(tmp_path, small, size):
    write_official(tmp_path / "cifar-10-batches-py")
    with pytest.raises(PrunelibError, match=str(size)):
        load("cifar10", size, tmp_path)


@pytest.mark.parametrize(
    ("write", "inside"),
    [
        (write_official, "cifar-10-batches-py"),
        (write_official, "."),
        (write_mirror, "cifar10"),
        (write_mirror, "."),
    ],
)
def test_the_folder_is_found_by_argument_then_environment_then_data(
    tmp_path, monkeypatch, write, inside
):
    places = [tmp_path / name for name in ("argument", "environment", "data")]
    for place in places:
        write(place / inside, n=1)
    argument, environment, here = (place / inside for place in places)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRUNELIB_DATA", str(places[1]))
    assert cifar10.find_cifar10(places[0]) == argument
    assert cifar10.find_cifar10(str(places[0])) == argument
    assert cifar10.find_cifar10() == environment
    monkeypatch.delenv("PRUNELIB_DATA")
    assert cifar10.find_cifar10().resolve() == here.resolve()


def test_a_folder_without_cifar10_is_named_with_what_to_do(tmp_path, monkeypatch):
    write_mirror(tmp_path / "data", n=1)
    monkeypatch.chdir(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    for place in (empty, tmp_path / "nowhere"):
        with pytest.raises(PrunelibError) as refused:
            load("cifar10", root=place)
        for word in (str(place), "parquet", "cifar-10-batches-py", "--data", "PRUNELIB_DATA"):
            assert word in str(refused.value)


@given(st.permutations(range(7)))
def test_images_come_in_one_order_from_any_source(order):
    split = cifar_images(7, 0)
    hashes = [hashlib.blake2b(x.tobytes(), digest_size=16).digest() for x in split.x.numpy()]
    ranks = np.argsort(np.argsort([h[:8].hex() for h in hashes])).astype(np.uint16)
    mixed = Split(split.x[list(order)], split.y[list(order)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cifar10.CIFAR10_SHA256, "test", cifar10.sha256(split))
        found = cifar10.canonical(mixed, ranks, "test", "folder")
        assert torch.equal(found.x, split.x)
        assert torch.equal(found.y, split.y)
        other = Split(mixed.x, mixed.y.roll(1))
        for bad in (other, Split(mixed.x.clone().index_fill_(0, torch.tensor(0), 9), mixed.y)):
            if not all(torch.equal(a, b) for a, b in zip(bad, mixed, strict=True)):
                with pytest.raises(PrunelibError, match="folder: the test images or labels"):
                    cifar10.canonical(bad, ranks, "test", "folder")


@pytest.mark.parametrize("write", [write_official, write_mirror])
def test_missing_images_are_counted(tmp_path, write):
    folder = tmp_path / "files"
    parts, _ = write(folder)
    with pytest.raises(PrunelibError) as refused:
        cifar10.read_cifar10(folder)
    for word in (str(folder), f"{3 * len(parts)} training", "50,000"):
        assert word in str(refused.value)


def test_missing_test_images_are_counted(tmp_path):
    with pytest.raises(PrunelibError, match=r"files.*: 2 test images .* 10,000"):
        cifar10.joined_splits([cifar_images(2, 0)], 10_000, "test", tmp_path / "files")


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_missing_batch_is_named(tmp_path, name):
    write_official(tmp_path / "files", n=1)
    (tmp_path / "files" / name).unlink()
    with pytest.raises(PrunelibError, match=rf"{name} is missing"):
        cifar10.read_cifar10(tmp_path / "files")


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_official, name) for name in OFFICIAL] + [(write_mirror, name) for name in MIRROR],
)
@pytest.mark.parametrize("left", [0, 0.3, 0.99])
def test_a_truncated_file_is_named(tmp_path, write, name, left):
    write(tmp_path / "files", n=1)
    path = tmp_path / "files" / name
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(PrunelibError, match=rf"{name} .*truncated") as refused:
        cifar10.read_cifar10(tmp_path / "files")
    assert "\n" not in str(refused.value)


ROWS = official_rows(cifar_images(2, 0).x)


@pytest.mark.parametrize(
    "batch",
    [
        {b"data": ROWS},
        {b"labels": [1, 2]},
        {"data": ROWS, "labels": [1, 2]},
        [ROWS, [1, 2]],
        None,
        {b"data": ROWS[:, :-1], b"labels": [1, 2]},
        {b"data": ROWS.reshape(4, -1), b"labels": [1, 2, 3, 4]},
        {b"data": ROWS.astype(np.int64), b"labels": [1, 2]},
        {b"data": ROWS / 255, b"labels": [1, 2]},
        {b"data": ROWS, b"labels": [1]},
        {b"data": ROWS, b"labels": [1, 2, 3]},
        {b"data": ROWS, b"labels": [[1, 2]]},
        {b"data": ROWS, b"labels": [[1], [2, 3]]},
        {b"data": ROWS, b"labels": [1, 10]},
        {b"data": ROWS, b"labels": [-1, 1]},
        {b"data": ROWS, b"labels": [1.0, float("nan")]},
        {b"data": ROWS, b"labels": [0.5, 1.5]},
        {b"data": ROWS, b"labels": ["cat", "dog"]},
        {b"data": ROWS, b"labels": [None, 1]},
    ],
)
def test_a_mis_shaped_or_mislabelled_batch_is_named(tmp_path, batch):
    path = tmp_path / "data_batch_3"
    path.write_bytes(pickle.dumps(batch))
    with pytest.raises(PrunelibError, match="data_batch_3") as refused:
        cifar10.read_batch(path)
    assert "\n" not in str(refused.value)


PIXELS = cifar_images(1, 0).x[0].numpy()
GOOD = png(PIXELS)


@pytest.mark.parametrize(
    ("encoded", "labels"),
    [
        ([GOOD, png(PIXELS[:16])], [1, 2]),
        ([GOOD, png(PIXELS[:, :, 0])], [1, 2]),
        ([GOOD, png(np.dstack([PIXELS, PIXELS[:, :, 0]]))], [1, 2]),
        ([GOOD, GOOD[:-100]], [1, 2]),
        ([GOOD, b"no image"], [1, 2]),
        ([GOOD, None], [1, 2]),
        ([GOOD, GOOD], [1, 10]),
        ([GOOD, GOOD], [-1, 1]),
        ([GOOD, GOOD], [1, None]),
        ([GOOD, GOOD], ["cat", "dog"]),
        ([GOOD, GOOD], [0.5, 1.5]),
    ],
)
def test_a_mis_shaped_or_mislabelled_parquet_file_is_named(tmp_path, encoded, labels):
    path = tmp_path / "train-7.parquet"
    write_parquet(path, encoded, labels)
    with pytest.raises(PrunelibError, match=r"train-7\.parquet") as refused:
        cifar10.read_parquet(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("column", ["img", "label"])
def test_a_parquet_file_without_a_column_is_named(tmp_path, column):
    path = tmp_path / "train-7.parquet"
    table = pyarrow.table({"img": [{"bytes": GOOD}], "label": [1]}).drop_columns([column])
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(PrunelibError, match=rf"train-7\.parquet.*{column}"):
        cifar10.read_parquet(path)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("function", [os.mkdir, np.savetxt, exec])
def test_a_data_file_cannot_run_code(tmp_path, function, protocol):
    trace = tmp_path / "trace"
    arguments = {
        os.mkdir: (str(trace),),
        np.savetxt: (str(trace), [0]),
        exec: (f"open({str(trace)!r}, 'w')",),
    }[function]
    path = tmp_path / "data_batch_1"
    batch = {b"data": ROWS, b"labels": [1, 2], b"more": Call(function, *arguments)}
    path.write_bytes(pickle.dumps(batch, protocol))
    with pytest.raises(PrunelibError, match=r"data_batch_1.*does not belong in a data file"):
        cifar10.read_batch(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_batches_of_any_pickle_protocol_are_read(tmp_path, protocol):
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps({b"data": ROWS, b"labels": np.array([1, 2])}, protocol))
    assert torch.equal(cifar10.read_batch(path).x, cifar_images(2, 0).x)


@pytest.mark.skipif("PRUNELIB_DATA" not in os.environ, reason="no CIFAR-10 named")
def test_cifar10_has_its_published_statistics():
    cifar = load("cifar10")
    for ours, published in (
        (cifar.mean, (0.4914, 0.4822, 0.4465)),
        (cifar.std, (0.2470, 0.2435, 0.2616)),
    ):
        assert [round(value / 255, 4) for value in ours.tolist()] == list(published)
    for split, images_a_class in ((cifar.train, 5000), (cifar.test, 1000)):
        assert split.y.bincount().tolist() == [images_a_class] * 10
