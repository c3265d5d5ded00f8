"""The widgets without a browser: Python's side, and the modules' arithmetic under Node."""

import json
import math
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
import shown
from hypothesis import given
from hypothesis import strategies as st
from making import examples, profiles

from prunelib import text as units
from prunelib.book.figures import STYLES
from prunelib.book.notebook import open_study
from prunelib.book.widgets import explorer as widgets
from prunelib.book.widgets.base import ASSETS, MODULES, module
from prunelib.book.widgets.explorer import explorer_widget
from prunelib.book.widgets.player import player_data, player_widget
from prunelib.errors import PrunelibError
from prunelib.evidence import benchmarks
from prunelib.evidence.curves import Curve, measured_curve, reading
from prunelib.evidence.design import copycat_source
from prunelib.nets.profile import ChannelProfile

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node")

BRIDGE = """
import * as profile from "./profile.mjs";
import * as explorer from "./explorer.mjs";
import * as player from "./player.mjs";
import * as parts from "./parts.mjs";
const shown = (x) => JSON.stringify(x);
const calls = {
  ...profile,
  stand: (data, seed, removals) => player.position(player.unpacked(data, seed), removals),
  design: (data, state) => explorer.designed(explorer.unpacked(data), state),
  compare: (data, family, made) => explorer.compared(explorer.unpacked(data), family, made),
  read: explorer.reading,
  withinBudget: (data, ...wish) => explorer.withinBudget(explorer.unpacked(data), ...wish),
  parsed: parts.parsed,
};
let text = "";
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(JSON.parse(text).map(([name, ...given]) => calls[name](...given))));
"""


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Calls functions of the widgets' modules: many at once, as a process costs time."""
    folder = tmp_path_factory.mktemp("modules")
    for name in ("profile", "parts", "explorer", "player"):
        text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
        for other in ("profile", "parts"):
            text = text.replace(f'"./{other}.js"', f'"./{other}.mjs"')
        (folder / f"{name}.mjs").write_text(text, encoding="utf-8")
    (folder / "bridge.mjs").write_text(BRIDGE, encoding="utf-8")

    def call(*calls):
        done = subprocess.run(
            [NODE, folder / "bridge.mjs"],
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


@pytest.fixture(scope="session")
def records():
    return open_study("smoke", results=str(ROOT / "results"), run_missing=False)


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    nowhere = str(tmp_path_factory.mktemp("results"))
    return open_study("mini", results=nowhere, run_missing=False)


def last(records):
    """Removals of the pruning run of seed 0."""
    return len(records.trajectory(0).blocks) - 1


def plain(profile):
    return json.loads(profile.to_json())


SHAPES = st.fixed_dictionaries(
    {
        "channels": st.integers(1, 4),
        "classes": st.integers(2, 100),
        "size": st.integers(1, 64),
    }
)
WIDTHS = (0.0078125, 0.125, 0.3, 0.5, 1.0, 1.7, 2.0)


def whole_profiles():
    return profiles(depths=(10, 16, 40), widths=WIDTHS)


@needs_node
@examples(8)
@given(st.lists(st.tuples(whole_profiles(), SHAPES), min_size=30, max_size=30))
def test_javascript_counts_like_the_library(node, cases):
    calls, expected = [], []
    for profile, shape in cases:
        calls += [
            ["params", plain(profile), shape],
            ["macs", plain(profile), shape],
            ["toJson", plain(profile)],
            ["full", profile.depth, profile.width],
        ]
        inputs = shape["channels"], shape["classes"]
        expected += [
            profile.count_params(*inputs),
            profile.count_macs(shape["size"], *inputs),
            profile.to_json(),
            plain(profile.unpruned),
        ]
    assert node(*calls) == expected


@needs_node
@examples(8)
@given(st.lists(st.tuples(whole_profiles(), st.floats(0, 4)), min_size=30, max_size=30))
def test_javascript_scales_like_the_library(node, cases):
    calls = [["scaled", plain(profile), factor] for profile, factor in cases]
    assert node(*calls) == [plain(profile.scaled(factor)) for profile, factor in cases]


@needs_node
def test_javascript_rounds_halves_like_the_library(node):
    profile = ChannelProfile(40, 1, (5, 7, 9, 11, 13, 15) + (3, 30, 31) * 2 + (1, 2, 3, 63, 64, 61))
    factors = [0.0, 5e-324, 0.1, 0.25, 0.35, 0.5, 0.55, 0.7, 0.75, 1.0, 1.5, 2.0]
    calls = [["scaled", plain(profile), factor] for factor in factors]
    assert node(*calls) == [plain(profile.scaled(factor)) for factor in factors]


@needs_node
@examples(8)
@given(st.lists(st.tuples(profiles(widths=WIDTHS), st.floats(-0.1, 1.1)), min_size=10, max_size=10))
def test_javascript_fits_like_the_library(node, cases):
    calls, expected = [], []
    for profile, share in cases:
        low, high = profile.scaled(0).params, profile.scaled(10**6).params
        budget = round(low + share * (high - low))
        calls.append(["fit", plain(profile), budget, {}])
        try:
            expected.append(plain(profile.fit_params(budget)))
        except PrunelibError:
            expected.append(None)
    assert node(*calls) == expected


@needs_node
def test_javascript_fits_a_network_of_the_paper_exactly_at_and_below_its_size(node):
    source = ChannelProfile(40, 2, (32, 20, 9) * 2 + (64, 17, 50) * 2 + (128, 3, 77) * 2)
    sizes = [source.scaled(Fraction(k, 7)).params + off for k in range(1, 12) for off in (-1, 0, 1)]
    calls = [["fit", plain(source), n, {}] for n in sizes]
    assert node(*calls) == [plain(source.fit_params(n)) for n in sizes]


@needs_node
def test_javascript_text_is_python_that_makes_the_profile(node):
    made = [ChannelProfile.full(16, w).scaled(0.6) for w in (0.0078125, 0.2734375, 0.5, 1, 2)]
    texts = node(*(["toPython", plain(p)] for p in made))
    assert [shown.built(text) for text in texts] == made
    assert "(16, 1, (" in texts[3]


@needs_node
def test_explorer_shows_what_the_library_computes(node, records):
    data = widgets.explorer_data(records)
    wishes = [("pruned-and-tuned", n, 1.0) for n in range(0, last(records) + 1, 17)]
    for family, most in (("copycat", 2), ("bottleneck", 1), ("reduced-width", 1)):
        wishes += [(family, 0, round(0.1 * most * i, 2)) for i in range(1, 11)]
    made = [widgets.profile_shown(records, *wish) for wish in wishes]
    states = [{"family": f, "removals": n, "factor": x} for f, n, x in wishes]
    assert node(*(["design", data, state] for state in states)) == [plain(p) for p in made]
    families = [wish[0] for wish in wishes]
    told = node(*(["compare", data, f, plain(p)] for f, p in zip(families, made, strict=True)))
    for family, profile, rows in zip(families, made, told, strict=True):
        assert [shown.Row(**row) for row in rows] == shown.compared(records, family, profile)
    (rows,) = node(["compare", data, "custom", plain(made[0].without(1))])
    expected = shown.compared(records, "custom", made[0].without(1))
    assert [shown.Row(**row) for row in rows] == expected
    assert "by hand" in expected[0].note


@needs_node
def test_explorer_tells_milliseconds_where_they_were_measured(node):
    mini = open_study("mini", results=str(ROOT / "results"), run_missing=False)
    inference = benchmarks.read_benchmark(ROOT / "results", "inference")
    data = json.loads(json.dumps(widgets.explorer_data(mini, inference)))
    for family in widgets.EXPLORER_FAMILIES[:-1]:
        found = widgets.within_budget(mini, family, 150_000)
        profile = widgets.profile_shown(mini, family, **found)
        (rows,) = node(["compare", data, family, plain(profile)])
        expected = shown.compared(mini, family, profile, inference)
        assert [shown.Row(**row) for row in rows] == expected
        assert expected[0].ms.startswith("≈ 0.")
        assert not expected[-1].ms.startswith("≈")


@needs_node
@examples(5)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(widgets.EXPLORER_FAMILIES[:-1]),
            st.sampled_from(["params", "macs"]),
            st.floats(-0.05, 1.05),
        ),
        min_size=40,
        max_size=40,
    )
)
def test_a_budget_is_met_as_nearly_as_possible_in_both_languages(node, records, wishes):
    shape, base, run = records.scale.shape, records.scale.base, records.trajectory(0)
    data, calls, expected = widgets.explorer_data(records), [], []
    for family, what, share in wishes:
        count = {"params": shape.params, "macs": shape.macs}[what]
        smallest = {
            "pruned-and-tuned": run.after(len(run.params) - 1),
            "reduced-width": base.reduced(1 / 128),
        }
        low = count(smallest.get(family, base.scaled(0)))
        high = count(base)
        budget = round(low + share * (high - low))
        calls.append(["withinBudget", data, family, budget, what])
        if not low <= budget <= high:
            with pytest.raises(PrunelibError, match=f"choose {low:,} to {high:,}"):
                widgets.within_budget(records, family, budget, what)
            expected.append({"least": low, "most": high})
            continue
        found = widgets.within_budget(records, family, budget, what)
        expected.append(found)
        made = widgets.profile_shown(records, family, **found)
        assert count(made) <= budget
        if family == "pruned-and-tuned":
            assert found["removals"] == 0 or count(run.after(found["removals"] - 1)) > budget
        elif family == "copycat":
            assert made == copycat_source(records, records.scale.base).fit(budget, count, "")
        elif family == "bottleneck":
            assert made == base.fit(budget, count, "")
        else:
            assert made == base.fit_full(budget, count, "")
    assert node(*calls) == expected


@needs_node
def test_a_budget_is_written_as_on_the_command_line(node):
    texts = [
        "80k",
        "1.1M",
        "92,000",
        " 7 ",
        "0.5K",
        "2g",
        "1e3",
        "1.5e5",
        "1e333",
        "-4",
        "0",
        "",
        "k",
        "80 k",
        "8.",
        "no",
    ]
    told = node(*(["parsed", text] for text in texts))
    for text, number in zip(texts, told, strict=True):
        if number is None:
            with pytest.raises(PrunelibError):
                units.count(text)
        else:
            assert units.count(text) == number


def test_a_budget_can_be_set_from_python(records, empty):
    widget = explorer_widget(records, "copycat", 12_000)
    made = copycat_source(records, records.scale.base).fit_params(12_000, 1)
    assert widget.channel_profile == made
    widget.fit(200_000, "macs")
    assert records.scale.shape.macs(widget.channel_profile) <= 200_000
    with pytest.raises(PrunelibError, match="choose"):
        widget.fit(10)
    widget.family = "pruned-and-tuned"
    widget.fit(20_000)
    assert widget.removals == records.trajectory(0).at(20_000)
    widget.width = 1
    with pytest.raises(PrunelibError, match="by hand"):
        widget.fit(20_000)
    assert explorer_widget(empty, "copycat", 200_000).family == "bottleneck"
    with pytest.raises(PrunelibError, match="unknown family"):
        explorer_widget(records, "wide")


@needs_node
@pytest.mark.parametrize("seed", [0, 1])
def test_player_says_what_the_record_says(node, records, seed):
    data, last = player_data(records), len(records.trajectory(seed).blocks) - 1
    told = node(*(["stand", data, seed, n] for n in range(last + 1)))
    for n, said in enumerate(told):
        expected = shown.position(records, n, seed)
        assert {name: said[name] for name in expected._fields} == expected._asdict()


@needs_node
def test_player_says_the_last_error_where_none_was_measured(node, records):
    run = records.pruning(0)
    points = run.outcome["points"]
    gaps = points | {"error": [e if i % 10 == 0 else None for i, e in enumerate(points["error"])]}
    sparse = type(run)(run.spec, run.outcome | {"points": gaps}, run.circumstances)
    there = type(records)(
        records.scale,
        records.requests,
        lambda spec: sparse if spec == run.spec else records.find(spec),
    )
    (said,) = node(["stand", player_data(there), 0, 17])
    assert said["error"] == f"{points['error'][10]:.2f}%"
    assert said["last"] == "measured after 10 removals"
    expected = shown.position(there, 17)
    assert {name: said[name] for name in expected._fields} == expected._asdict()


CURVE = Curve((100.0, 200.0, 400.0), (20.0, 10.0, 6.25), (3, 3, 2))


@pytest.mark.parametrize(
    ("params", "error", "note"),
    [
        (100, 20.0, "mean of 3 runs"),
        (150, 15.0, "interpolated between 100 and 200 parameters, 6 runs"),
        (300, 8.125, "interpolated between 200 and 400 parameters, 5 runs"),
        (400, 6.25, "mean of 2 runs"),
        (99, None, "outside 100 to 400 parameters"),
        (401, None, "outside 100 to 400 parameters"),
    ],
)
def test_an_error_is_read_off_the_curve_or_refused(params, error, note):
    assert reading(CURVE, params) == (error, note)


@pytest.mark.parametrize(("params", "error"), [(100, 20.0), (200, 10.0), (400, 6.25)])
def test_sizes_far_apart_are_bridged_by_the_logarithm(params, error):
    curve = CURVE._replace(log=True)
    assert reading(curve, params).error == error
    if params < 400:
        after = CURVE.errors[CURVE.params.index(params) + 1]
        halfway = reading(curve, params * math.sqrt(2))
        assert halfway.error == pytest.approx((error + after) / 2)


def test_runs_of_one_walk_are_not_counted_twice():
    assert reading(CURVE._replace(walk=True), 150).note.endswith("3 runs")


def test_nothing_is_read_off_no_curve():
    assert reading(Curve((), (), ()), 10).error is None


def test_one_size_says_nothing_of_others():
    single = Curve((100.0,), (20.0,), (2,))
    assert reading(single, 100) == (20.0, "mean of 2 runs")
    for size in (99, 101):
        assert reading(single, size) == (None, "measured at 100 parameters only")


@given(st.floats(0, 100))
def test_per_cent_is_rounded_half_up(x):
    assert abs(Fraction(shown.percent(x)[:-1]) - Fraction(x)) <= Fraction(1, 200)


@needs_node
@examples(5)
@given(st.lists(st.integers(50, 450), min_size=50, max_size=50))
def test_javascript_reads_curves_like_the_library(node, sizes):
    single = Curve((100.0,), (20.0,), (2,))
    for curve in (CURVE, CURVE._replace(log=True), single, Curve((), (), ())):
        told = node(*(["read", curve._asdict(), n] for n in [*sizes, 100]))
        for found, n in zip(told, [*sizes, 100], strict=True):
            error, note = reading(curve, n)
            assert found["note"] == note
            assert found["error"] == (error if error is None else pytest.approx(error, rel=1e-9))


def test_the_curve_of_a_family_is_the_mean_over_seeds(records):
    curve = measured_curve(records, "bottleneck")
    rows = records.networks.query("family == 'bottleneck' and budget == 12000")
    i = curve.params.index(11_342.0)
    assert curve.errors[i] == pytest.approx(rows["error"].mean(), abs=1e-4)
    assert curve.runs[i] == len(rows)
    assert list(curve.params) == sorted(curve.params)


@pytest.mark.parametrize("scale", ["mini", "smoke"])
def test_all_that_the_player_shows_has_an_error_in_the_explorer(scale):
    """The smallest networks, too, to which not all seeds were pruned."""
    view = open_study(scale, results=str(ROOT / "results"), run_missing=False)
    curve, ends = measured_curve(view, "pruned-and-tuned"), {}
    for seed in range(view.scale.seeds):
        sizes = view.trajectory(seed).params
        assert all(reading(curve, size).error is not None for size in (sizes[0], sizes[-1]))
        errors = view.pruning(seed).outcome["points"]["error"]
        ends.setdefault(sizes[-1], []).append(errors[-1])
    smallest = ends[min(ends)]
    expected = sum(smallest) / len(smallest)
    assert reading(curve, min(ends)).error == pytest.approx(expected, abs=1e-4)


def test_setting_one_trait_moves_the_others(records):
    widget = explorer_widget(records)
    widget.removals = 30
    assert widget.channel_profile == records.trajectory(0).after(30)
    widget.block = 6
    assert widget.width == widget.channel_profile.middle[5]
    before = widget.channel_profile
    widget.width -= 1
    assert widget.family == "custom"
    assert widget.channel_profile == before.without(6)
    widget.family, widget.factor = "bottleneck", 0.5
    assert widget.channel_profile == records.scale.base.bottleneck(0.5)
    widget.profile = before.to_json()
    assert widget.family == "custom"
    assert widget.width == before.middle[5]


def test_changes_can_be_observed(records):
    widget, seen = explorer_widget(records), []
    widget.observe(lambda change: seen.append(change.new), "profile")
    widget.removals = 5
    assert seen == [records.trajectory(0).after(5).to_json()]


def test_what_the_browser_sends_is_taken_as_it_is(records):
    widget = explorer_widget(records)
    profile = records.scale.base.scaled(0.25).without(6)
    state = {"family": "custom", "profile": profile.to_json(), "block": 6, "width": 7}
    widget.set_state(state)
    assert {name: getattr(widget, name) for name in state} == state


def test_another_scale_has_other_limits(records, empty):
    widget = explorer_widget({"mini": empty, "smoke": records})
    assert widget.scale == "smoke"
    widget.removals = 90
    widget.scale = "mini"
    assert (widget.family, widget.removals) == ("bottleneck", 0)
    assert widget.channel_profile.depth == 40
    walk = player_widget({"mini": empty, "smoke": records})
    walk.removals = 90
    walk.scale = "mini"
    assert walk.removals == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("removals", 1_000, "removals must be 0 to"),
        ("removals", -1, "removals must be 0 to"),
        ("family", "huge", "unknown family"),
        ("scale", "huge", "unknown scale"),
        ("block", 7, "1 to 6"),
        ("width", 0, "1 to 8"),
        ("factor", 129.0, "0.0 to 128.0"),
        ("profile", "{}", "exactly the keys"),
        ("profile", ChannelProfile.full(10, 0.5).to_json(), "depth 16"),
        ("profile", ChannelProfile(16, 0.5, (9,) + (1,) * 5).to_json(), "block 1"),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(records, name, value, said):
    widget = explorer_widget(records)
    before = widget.get_state()
    with pytest.raises(PrunelibError, match=said):
        setattr(widget, name, value)
    assert widget.get_state() == before


def test_without_records_the_widgets_say_what_to_do(empty):
    widget = explorer_widget(empty)
    assert widget.family == "bottleneck"
    assert widget.data["scales"]["mini"]["command"] == "prunelib study mini"
    with pytest.raises(PrunelibError, match="prunelib study mini"):
        widget.family = "copycat"
    assert player_widget(empty).data["scales"]["mini"]["runs"] == {}
    with pytest.raises(PrunelibError, match="no records"):
        explorer_widget({})


def test_their_text_is_the_same_every_time(records):
    for make in (explorer_widget, player_widget):
        assert repr(make(records)) == repr(make(records))
        assert "0x" not in repr(make(records))
    walked = f"removals=0 of {last(records)}"
    assert repr(player_widget(records)) == f"Player(scale='smoke', seed=0, {walked})"


def test_a_view_is_small(records):
    for make in (explorer_widget, player_widget):
        state = make(records).get_state()
        own = {k: v for k, v in state.items() if not k.startswith("_")}
        assert len(json.dumps(own, default=str)) < 20_000


@pytest.mark.parametrize("name", MODULES)
def test_a_module_stands_alone(name):
    text = module(name)
    assert not re.search(r"^import ", text, re.M)
    assert text.count("export default") == 1
    for other in ("http://www.w3.org/2000/svg",):
        text = text.replace(other, "")
    assert "http" not in text


def test_the_widgets_have_the_colours_of_the_figures():
    text = (ASSETS / "widgets.css").read_text(encoding="utf-8")
    for name, family in (
        ("pruned", "pruned-and-tuned"),
        ("copycat", "copycat"),
        ("bottleneck", "bottleneck"),
        ("reduced", "reduced-width"),
    ):
        assert f"--pl-{name}: {STYLES[family].colour};" in text
        assert f'[data-family="{family}"] {{ --pl-bars: var(--pl-{name}); }}' in text
