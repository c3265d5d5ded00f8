"""Lines carried on, and networks on the same images, against what is known of made-up ones."""

import base64
import math
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples
from studies import SCALE, edit, fill, reopened, spec_of
from test_lengths import halving

from prunelib.book import prose
from prunelib.evidence.extrapolation import extrapolation_at, extrapolations
from prunelib.evidence.paired import paired_rows

powers = st.tuples(st.floats(20, 60), st.floats(0.05, 0.6), st.floats(0.8, 1.5))
"""Of a seed: error of a bottleneck network after one epoch, exponent, and the ratio of errors."""


def power_law(seeds, lengths):
    def point(epochs, first, exponent, ratio):
        simple = first * epochs**-exponent
        return math.log(epochs), math.log(simple), math.log(simple / ratio)

    return {s: [point(n, *laws) for n in lengths] for s, laws in enumerate(seeds)}


@examples(40)
@given(st.lists(powers, min_size=2, max_size=4))
def test_a_power_law_is_carried_on_exactly(seeds):
    found = extrapolation_at(80_000, power_law(seeds, (10, 24, 34)), 200)
    simple = [first * 200**-exponent for first, exponent, _ in seeds]
    middle = math.exp(sum(map(math.log, simple)) / len(simple))
    ratio = math.exp(sum(math.log(own) for *_, own in seeds) / len(seeds))
    assert found.simple[0] == pytest.approx(middle)
    assert found.ratio[0] == pytest.approx(ratio)
    assert found.shape[0] == pytest.approx(middle / ratio)
    assert found.missed == pytest.approx(1)
    assert found.longest == pytest.approx((34, 34))
    assert found.seeds == len(seeds)
    assert found.ratio[1] <= found.ratio[0] <= found.ratio[2]


@examples(20)
@given(powers, st.floats(1.01, 1.3))
def test_the_check_tells_by_how_much_the_line_is_off(law, bend):
    """The ratio that was measured last is smaller than the line says."""
    points = power_law([law, law], (10, 24, 34))
    for own in points.values():
        x, a, b = own[-1]
        own[-1] = x, a, b + math.log(bend)
    assert extrapolation_at(1, points, 200).missed == pytest.approx(bend)


def test_each_seed_has_a_line_through_what_it_has():
    """A seed that was trained for longer than the others takes nothing from what they say."""
    law = (40.0, 0.3, 1.2)
    points = power_law([law], (10, 24, 34)) | {1: power_law([law], (10, 24, 34, 100))[0]}
    found = extrapolation_at(1, points, 200)
    assert found.ratio == pytest.approx((1.2, 1.2, 1.2))
    assert found.longest == pytest.approx((34, 100))


def test_one_seed_says_nothing():
    assert extrapolation_at(1, power_law([(40.0, 0.3, 1.2)], (10, 24, 34)), 200) is None


def test_two_lengths_say_nothing(tmp_path):
    families = ["base", "pruned-and-tuned"]
    families += ["bottleneck", "pruned-from-scratch", "bottleneck-long", "pruned-from-scratch-long"]
    assert extrapolations({"made-up": fill(tmp_path, halving, families=families)}) == []


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("lengths"), halving, families=None)


def test_a_study_is_carried_on_at_each_of_its_sizes(study):
    rows = extrapolations({"made-up": study})
    assert [row.size for row in rows] == list(SCALE.budgets)
    epochs = study.networks[study.networks["family"] == "bottleneck-longest"]["images_seen"]
    for row in rows:
        assert row.ratio == pytest.approx((4 / 3,) * 3)
        assert row.simple[0] < 8
        assert row.seeds == SCALE.seeds
    assert max(row.longest[1] for row in rows) == pytest.approx(epochs.max() / 1_438)
    text = prose.two_hundred({"made-up": study})
    assert "logarithmic, at 6K and 12K parameters the pruned shape would lead. " in text
    assert "1.33 (1.33 to 1.33)" in text


def test_every_seed_that_trains_for_longer_puts_its_line_to_the_test(tmp_path, study):
    scale = replace(SCALE, train=replace(SCALE.train, epochs=100))
    longer = fill(
        tmp_path, lambda _, __, seed: 12.5 + seed, scale=scale, families=("bottleneck",), seeds=2
    )
    for row in extrapolations({"made-up": study, "longer": longer}):
        assert [one.measured for one in row.further] == [12.5, 13.5]


def test_a_longer_training_puts_the_line_to_the_test(tmp_path, study):
    """A seed of a scale that trains for four times as long, with an error that is known."""
    scale = replace(SCALE, train=replace(SCALE.train, epochs=100))
    longer = fill(tmp_path, lambda *_: 12.5, scale=scale, families=("bottleneck",), seeds=1)
    rows = extrapolations({"made-up": study, "longer": longer})
    lengths = ("bottleneck", "bottleneck-long", "bottleneck-longest")
    for row in rows:
        own = study.networks[(study.networks["budget"] == row.size) & (study.networks["seed"] == 0)]
        own = own[own["family"].isin(lengths)]
        line = np.polyfit(np.log(own["images_seen"] / 1_438), np.log(own["error"].astype(float)), 1)
        seen = longer.networks["images_seen"].iloc[0] / 1_438
        (further,) = row.further
        assert further.epochs == pytest.approx(seen)
        assert further.measured == 12.5
        assert further.told == pytest.approx(math.exp(np.polyval(line, math.log(seen))))
    text = prose.two_hundred({"made-up": study, "longer": longer})
    assert len(re.findall(r"\| bottleneck network \| \d+K \| 100 \| 12\.5% \|", text)) == len(rows)
    assert all(row.further == () for row in extrapolations({"made-up": study}))


def test_where_training_was_long_enough_no_line_is_needed(tmp_path, study):
    scale = replace(SCALE, train=replace(SCALE.train, epochs=240))
    families = ["base", "pruned-and-tuned", "bottleneck", "pruned-from-scratch"]
    longer = fill(tmp_path, lambda *_: 12.5, scale=scale, families=families, seeds=1)
    views = {"made-up": study, "longer": longer}
    alone = extrapolations({"made-up": study})
    for row, before in zip(extrapolations(views), alone, strict=True):
        assert row.reached
        assert not before.reached
        assert (row.simple, row.shape, row.missed) == (before.simple, before.shape, before.missed)
        assert [(one.family, one.epochs) for one in row.further] == [
            ("bottleneck", 240),
            ("pruned-from-scratch", 240),
        ]
    text = prose.two_hundred(views)
    assert "At 6K parameters it was measured, with 1 seed: a bottleneck network has 12.5%" in text
    assert "|" not in text


def test_what_cannot_be_said_is_not(tmp_path):
    few = fill(tmp_path, families=["base", "bottleneck"])
    assert "cannot be said yet" in prose.two_hundred({"few": few})
    assert "has not been measured" in prose.same_images({"few": few})


def packed(bits):
    return base64.b64encode(zlib.compress(np.packbits(bits).tobytes())).decode()


def test_networks_are_compared_image_by_image(tmp_path):
    whole = fill(tmp_path, families=["base", "bottleneck", "reduced-width"])
    random = np.random.default_rng(0)
    size = SCALE.budgets[0]
    wrong = {
        (family, seed): random.random(359) < 0.3
        for family in ("bottleneck", "reduced-width")
        for seed in range(SCALE.seeds)
    }
    for (family, seed), bits in wrong.items():
        spec = spec_of(whole, family, size, seed)
        edit(tmp_path, spec, lambda outcome, bits=bits: outcome.update(wrong=packed(bits)))
    (found,) = paired_rows(reopened(tmp_path, whole), "bottleneck", "reduced-width")
    counts = np.zeros(3)
    by_image = np.zeros(359)
    for seed in range(SCALE.seeds):
        for image in range(359):
            a, b = (wrong[family, seed][image] for family in ("bottleneck", "reduced-width"))
            counts += (a and not b, b and not a, a and b)
            by_image[image] += int(a) - int(b)
    shares = 100 * counts / (359 * SCALE.seeds)
    assert (found.first_only, found.second_only, found.both) == pytest.approx(tuple(shares))
    assert found.difference == pytest.approx(shares[0] - shares[1])
    spread = np.std(by_image / SCALE.seeds, ddof=1)
    assert found.half == pytest.approx(196 * spread / math.sqrt(359))
    assert (found.size, found.seeds) == (size, SCALE.seeds)
