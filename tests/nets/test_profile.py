import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import examples, profiles
from torch.utils.flop_counter import FlopCounterMode

from prunelib.errors import PrunelibError
from prunelib.nets.blocks import round_half_up, stage_widths
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet

WRN_40_2 = ChannelProfile.full(40, 2)
any_width = st.floats(0.01, 3)


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def flops(model, in_channels, size):
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, in_channels, size, size))
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("profile", "params", "million_macs", "prunable"),
    [
        (WRN_40_2, 2_243_546, 327.6, 1344),
        (ChannelProfile.full(40, 1), 563_930, 83.3, 672),
        (ChannelProfile.full(16, 2), 691_674, 101.1, 448),
        (WRN_40_2.bottleneck(0.5), 1_129_370, 164.8, 672),
        (WRN_40_2.bottleneck(0.25), 572_282, 83.4, 336),
    ],
)
def test_published_sizes(profile, params, million_macs, prunable):
    assert profile.params == params
    assert round(profile.macs / 1e6, 1) == million_macs
    assert profile.prunable == prunable


def test_the_strided_blocks_begin_the_second_and_third_stage():
    assert WRN_40_2.strided == (7, 13)
    assert [b.number for b in WRN_40_2.blocks if b.has_shortcut] == [1, 7, 13]
    assert [b.number for b in ChannelProfile.full(16, 1).blocks if b.has_shortcut] == [3, 5]


@examples(60)
@given(
    profiles(depths=(10, 16, 22), widths=(0.01, 0.4, 1, 1.37), most=40),
    st.sampled_from([1, 3]),
    st.integers(2, 12),
    st.integers(1, 35),
)
def test_counts_are_those_of_the_module(profile, in_channels, classes, size):
    model = WideResNet(profile, classes, in_channels).eval()
    assert profile.count_params(in_channels, classes) == parameters(model)
    assert 2 * profile.count_macs(size, in_channels, classes) == flops(model, in_channels, size)


@examples(10)
@given(profiles())
def test_params_and_macs_are_those_for_cifar10(profile):
    model = WideResNet(profile).eval()
    assert profile.params == parameters(model)
    assert 2 * profile.macs == flops(model, 3, 32)


@given(any_width)
def test_stages_are_16_32_and_64_channels_times_the_width(width):
    half = Fraction(1, 2)
    for base, channels in zip((16, 32, 64), stage_widths(width), strict=True):
        assert base * Fraction(width) < channels + half
        assert channels == 1 or channels - half <= base * Fraction(width)


@pytest.mark.parametrize(
    ("x", "channels"), [(0, 1), (0.49, 1), (1.49, 1), (1.5, 2), (2.5, 3), (Fraction(7, 2), 4)]
)
def test_half_a_channel_is_rounded_up(x, channels):
    assert round_half_up(x) == channels


@given(st.sampled_from([10, 16, 40]), any_width)
def test_a_full_network_has_bottlenecks_as_wide_as_its_blocks(depth, width):
    full = ChannelProfile.full(depth, width)
    assert full.middle == tuple(c for c in stage_widths(width) for _ in range(depth // 6))
    assert full.unpruned == full.bottleneck(1) == full.reduced(width) == full
    assert set(full.shares()) == {1}


@given(profiles(), st.fractions(0, 4))
def test_scaling_rounds_each_bottleneck_and_keeps_it_between_one_and_full(profile, s):
    scaled = profile.scaled(s)
    assert (scaled.depth, scaled.width) == (profile.depth, profile.width)
    for new, old, full in zip(scaled.middle, profile.middle, profile.unpruned.middle, strict=True):
        assert 1 <= new <= full
        if 1 < new < full:
            assert abs(new - old * s) <= Fraction(1, 2)
        assert new == full or new + Fraction(1, 2) > old * s
        assert new == 1 or new - Fraction(1, 2) <= old * s


@given(profiles(), st.floats(0, 1, exclude_min=True))
def test_a_bottleneck_network_forgets_what_was_pruned(profile, z):
    assert profile.bottleneck(z) == profile.unpruned.scaled(z)
    assert profile.scaled(1) == profile


@pytest.mark.parametrize("z", [0, -1, 1.01, float("inf"), float("nan")])
def test_a_share_that_is_none_is_refused(z):
    with pytest.raises(PrunelibError, match="above 0 and at most 1"):
        WRN_40_2.bottleneck(z)


@given(profiles(), st.fractions(0, 4), st.fractions(0, 4))
def test_scaling_is_monotonic(profile, s, t):
    small, large = profile.scaled(min(s, t)), profile.scaled(max(s, t))
    assert all(a <= b for a, b in zip(small.middle, large.middle, strict=True))
    assert small.params <= large.params
    assert small.macs <= large.macs


@given(profiles(least=2, widths=(0.3, 0.5)), st.data())
def test_without_takes_channels_from_one_block_only(profile, data):
    block = data.draw(st.integers(1, len(profile.middle)))
    n = data.draw(st.integers(1, profile.middle[block - 1] - 1))
    less = profile.without(block, n)
    change = [a - b for a, b in zip(profile.middle, less.middle, strict=True)]
    assert change == [n * (i == block) for i in range(1, len(profile.middle) + 1)]
    c_in, c_out = profile.blocks[block - 1].c_in, profile.blocks[block - 1].c_out
    assert profile.params - less.params == n * (9 * c_in + 2 + 9 * c_out)
    assert less.macs < profile.macs
    assert less.prunable == profile.prunable - n


@pytest.mark.parametrize(("block", "n"), [(0, 1), (-1, 1), (4, 1), (1, 16), (1, 17)])
def test_without_refuses_a_block_that_is_not_there_and_its_last_channel(block, n):
    with pytest.raises(PrunelibError, match=rf"block {block}\b"):
        ChannelProfile.full(10, 1).without(block, n)


def scaled_copies(profile: ChannelProfile) -> set[ChannelProfile]:
    """Every scaled copy: rounding changes only at multiples of 1 / (2 lcm of the widths)."""
    steps = 2 * math.lcm(*profile.middle)
    full = profile.unpruned.middle
    found = set()
    for k in range(steps * max(full) + 1):
        found.add(
            tuple(
                min(c, max(1, (2 * m * k + steps) // (2 * steps)))
                for m, c in zip(profile.middle, full, strict=True)
            )
        )
    return {ChannelProfile(profile.depth, profile.width, middle) for middle in found}


def check_fit(fit, members, budget, count):
    sizes = sorted({count(member) for member in members})
    smallest, largest = sizes[0], sizes[-1]
    if smallest <= budget <= largest:
        fitted = fit(budget)
        assert fitted in members
        assert count(fitted) == max(size for size in sizes if size <= budget)
    else:
        with pytest.raises(PrunelibError) as refused:
            fit(budget)
        for number in (budget, smallest, largest):
            assert f"{number:,}" in str(refused.value)


@examples(50)
@given(profiles(widths=(0.125, 0.3), most=6), st.sampled_from([1, 3]), st.data())
def test_fitting_gives_the_largest_scaled_copy_within_the_budget(profile, in_channels, data):
    members = scaled_copies(profile)

    def count(member):
        return member.count_params(in_channels, 7)

    sizes = sorted(map(count, members))
    budget = data.draw(
        st.sampled_from(sizes).flatmap(lambda size: st.integers(size - 1, size + 1))
        | st.integers(0, 2 * sizes[-1])
    )
    check_fit(lambda n: profile.fit_params(n, in_channels, 7), members, budget, count)


@examples(50)
@given(st.sampled_from([10, 16]), st.floats(1 / 128, 0.6), st.sampled_from([1, 3]), st.data())
def test_fitting_the_width_gives_the_largest_full_network_within_the_budget(
    depth, width, in_channels, data
):
    base = ChannelProfile.full(depth, width)
    widths = [*(k / 256 for k in range(1, math.floor(256 * width) + 1)), width]
    members = {base.reduced(w).middle: base.reduced(w) for w in widths}

    def count(member):
        return member.count_params(in_channels, 7)

    sizes = sorted(map(count, members.values()))
    budget = data.draw(
        st.sampled_from(sizes).flatmap(lambda size: st.integers(size - 1, size + 1))
        | st.integers(0, 2 * sizes[-1])
    )

    def fit(n):
        fitted = base.fit_width(n, in_channels, 7)
        assert fitted.width <= base.width
        assert fitted == fitted.unpruned
        return members.get(fitted.middle)

    check_fit(fit, members.values(), budget, count)


def test_every_network_fits_its_own_size():
    assert WRN_40_2.fit_params(WRN_40_2.params) == WRN_40_2
    assert WRN_40_2.fit_params(1_129_370) == WRN_40_2.bottleneck(0.5)
    assert WRN_40_2.fit_width(563_930) == ChannelProfile.full(40, 1)


@given(profiles() | st.builds(ChannelProfile.full, st.just(10), any_width))
def test_json_round_trip(profile):
    text = profile.to_json()
    assert "\n" not in text
    assert set(json.loads(text)) == {"depth", "width", "middle"}
    assert ChannelProfile.from_json(text) == profile
    assert hash(ChannelProfile.from_json(text)) == hash(profile)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "keys"),
        ("null", "keys"),
        ('{"depth": 10, "width": 1}', "keys"),
        ('{"depth": 10, "width": 1, "middle": [1, 1, 1], "extra": 0}', "keys"),
        ('{"depth": 10, "width": 1, "middle": "111"}', "middle"),
        ('{"depth": 10, "width": 1, "middle": {"1": 1}}', "middle"),
        ('{"depth": 10, "width": 1, "middle": [1, 1, null]}', "block 3"),
        ('{"depth": "10", "width": 1, "middle": [1, 1, 1]}', "depth"),
        ('{"depth": 10, "width": "1", "middle": [1, 1, 1]}', "width"),
        ('{"depth": 10, "width": NaN, "middle": [1, 1, 1]}', "NaN is not a number"),
    ],
)
def test_what_is_not_a_profile_is_refused(text, reason):
    with pytest.raises(PrunelibError, match=reason):
        ChannelProfile.from_json(text)


@pytest.mark.parametrize("depth", [41, 4, 9, 0, -2, 40.0, "40", True, None])
def test_impossible_depths_are_refused(depth):
    for make in (lambda: ChannelProfile.full(depth, 1), lambda: ChannelProfile(depth, 1, (1,))):
        with pytest.raises(PrunelibError, match=rf"depth .* not {depth!r}"):
            make()


@pytest.mark.parametrize("width", [0, -1, math.nan, math.inf, -math.inf, "2", True, None, 65, 1j])
def test_impossible_widths_are_refused(width):
    for make in (lambda: ChannelProfile.full(10, width), lambda: ChannelProfile(10, width, (1,))):
        with pytest.raises(PrunelibError, match="width must be") as refused:
            make()
        assert repr(width) in str(refused.value)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_one_bottleneck_width_a_block(count):
    with pytest.raises(PrunelibError, match=rf"3 blocks, but {count} "):
        ChannelProfile(10, 1, (1,) * count)


@pytest.mark.parametrize("channels", [0, -1, 1.0, True, "3", None, math.nan])
def test_impossible_bottleneck_widths_are_refused(channels):
    with pytest.raises(PrunelibError, match="block 2") as refused:
        ChannelProfile(10, 1, (1, channels, 0))
    assert repr(channels) in str(refused.value)


@pytest.mark.parametrize(
    "s",
    [
        -0.1,
        math.nan,
        math.inf,
    ],
)
def test_impossible_factors_are_refused(s):
    with pytest.raises(PrunelibError, match="factor"):
        WRN_40_2.scaled(s)


def test_a_profile_does_not_change():
    middle = [1, 2, 3]
    profile = ChannelProfile(10, 1, middle)
    middle[0] = 9
    assert profile.middle == (1, 2, 3)
    with pytest.raises(AttributeError):
        profile.width = 2


def test_without_adds_no_channels():
    with pytest.raises(PrunelibError, match="-1"):
        ChannelProfile.full(10, 1).without(1, -1)


def test_fitting_the_width_of_a_network_of_single_channels():
    base = ChannelProfile.full(10, 1 / 200)
    assert base.fit_width(base.params).params == base.params


FULL = ChannelProfile.full(16, 1)
MISUSED = {
    "no list": (lambda: ChannelProfile(16, 1, 5), "must be a list"),
    "budget in words": (lambda: FULL.fit_params("150k"), "150_000"),
    "width in words": (lambda: FULL.fit_width("150k"), "150_000"),
    "half a channel of images": (lambda: FULL.fit_params(50_000, 1.5), "in_channels must be"),
    "classes that are no number": (lambda: FULL.count_params(3, float("nan")), "num_classes"),
    "images of no pixel": (lambda: FULL.count_macs(0), "image_size must be at least 1"),
    "share in words": (lambda: FULL.bottleneck("half"), "share of a bottleneck"),
    "factor in words": (lambda: FULL.scaled("half"), "scale factor"),
    "half a block": (lambda: FULL.without(1.5), "no block 1.5"),
    "half a removal": (lambda: FULL.without(1, 0.5), "cannot be removed"),
    "no text": (lambda: ChannelProfile.from_json(None), "must be JSON"),
    "a network of no profile": (lambda: WideResNet("16-1"), "must be a ChannelProfile"),
    "a network without classes": (lambda: WideResNet(FULL, 0), "num_classes must be at least 1"),
    "a network of half a channel": (lambda: WideResNet(FULL, 10, 0.5), "in_channels must be"),
}


@pytest.mark.parametrize(("call", "said"), MISUSED.values(), ids=MISUSED)
def test_what_is_no_number_of_channels_is_told(call, said):
    with pytest.raises(PrunelibError, match=said) as told:
        call()
    assert "\n" not in str(told.value)


def test_numbers_of_numpy_are_numbers():
    middle = np.array(FULL.middle)
    found = ChannelProfile(np.int64(16), np.float32(1), middle)
    assert (found, found.to_json(), hash(found)) == (FULL, FULL.to_json(), hash(FULL))
    assert FULL.scaled(np.float32(0.5)) == FULL.scaled(0.5)
    assert FULL.fit_params(np.int64(50_000)) == FULL.fit_params(50_000)
