import itertools
import json
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from studies import BASE, SCALE, edit, error, fill, reopened, spec_of, walk

from prunelib.book import figures
from prunelib.book.figures import style
from prunelib.book.figures.static import svg
from prunelib.errors import Missing
from prunelib.evidence.comparisons import advantage
from prunelib.evidence.published import COPYCATS, SNIP
from prunelib.study.families import FAMILIES, MAIN

STEPS = walk()
PROFILES = {"full": BASE, "half": BASE.scaled(0.5), "last": STEPS[-1][1].without(1, 0)}
VERDICTS = [
    SimpleNamespace(
        claim=claim,
        text=f"What {claim} claims.",
        short="in short",
        statistic="a difference",
        mean=mean,
        low=low,
        high=high,
        verdict=verdict,
        records=("key",),
    )
    for claim, mean, low, high, verdict in (
        ("C1", 1.5, 1.0, 2.0, "supported"),
        ("C3", -1.0, -2.0, -0.5, "refuted"),
        ("C4", 0.25, None, None, "open"),
        ("C7", 9.0, 8.0, 10.0, "supported"),
        ("C5", None, None, None, "open"),
    )
]
FIGURES = {
    **{
        f"error against {x}": lambda s, x=x: figures.error_against(s.networks, s.trajectories, x)
        for x in figures.AXES
        if x != "ms"
    },
    "learning curves": lambda s: figures.learning_curves(bases(s), SCALE.train.milestones),
    "trajectory": lambda s: figures.trajectory(s.trajectories),
    "saliency scatter": lambda s: figures.saliency_scatter(s.saliencies, 1),
    "saliency ranks": lambda s: figures.rank_correlations(s.saliencies),
    "removal cost": lambda s: figures.removal_cost(s.trajectories),
    "removals by block": lambda s: figures.removals_by_block(s.trajectories, BASE),
}
FIXED = {
    "profile bars": lambda s: figures.profile_bars(PROFILES),
    "block widths": lambda s: figures.block_widths(PROFILES),
    "profile lines": lambda s: figures.profile_lines(PROFILES),
    "forest": lambda s: figures.forest(VERDICTS, ("C1", "C3", "C4", "C5")),
    "published": lambda s: figures.published(),
    "gaps": lambda s: figures.gaps_by_size(
        advantage(s.networks, s.trajectories), ("bottleneck", "reduced-width")
    ),
}


def bases(study):
    return study.epochs[study.epochs["family"] == "base"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("study"))


@pytest.fixture
def own(tmp_path):
    return fill(tmp_path)


def trace(figure, name):
    found = [t for t in figure.data if t.name == name]
    assert len(found) == 1
    return found[0]


def table(figure):
    meta = figure.layout.meta["table"]
    rows = [list(row) for row in meta["rows"]]
    return pd.DataFrame(rows, columns=list(meta["columns"]), dtype=object)


@pytest.mark.parametrize("make", [*FIGURES.values(), *FIXED.values()], ids=[*FIGURES, *FIXED])
def test_every_figure_has_a_description_and_a_table_and_is_json(study, make):
    figure = make(study)
    plain = json.loads(figure.to_json())
    meta = plain["layout"]["meta"]
    assert re.search(r"\w\.$", meta["alt"]) or meta["alt"].endswith(("%.", "."))
    assert "\n" not in meta["alt"]
    assert len(meta["alt"]) > 40
    assert "nan" not in meta["alt"].lower()
    assert meta["table"]["rows"]
    for row in meta["table"]["rows"]:
        assert len(row) == len(meta["table"]["columns"])
        assert all(style.table_cell(value) not in ("", "nan") for value in row)
    assert ElementTree.fromstring(svg(plain)).tag.endswith("svg")
    assert all(isinstance(name, str) for name in meta["table"]["columns"])
    assert plain["data"]
    titles = [axis["title"]["text"] for k, axis in plain["layout"].items() if titled(k, axis)]
    assert any(titles)


def titled(name, axis):
    return re.match("[xy]axis", name) and "title" in axis


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES.keys())
def test_nothing_measured_is_missing(tmp_path, study, make):
    with pytest.raises(Missing, match="no records"):
        make(reopened(tmp_path, study))


def test_claims_without_records_are_missing():
    with pytest.raises(Missing):
        figures.forest(VERDICTS, ("C5", "C99"))


@pytest.mark.parametrize("family", [f for f in MAIN if f in figures.STYLES])
def test_each_family_is_drawn_with_its_means_and_whiskers(study, family):
    figure = figures.error_against(study.networks, study.trajectories)
    drawn = trace(figure, FAMILIES[family].title)
    rows = study.networks[study.networks["family"] == family].fillna({"budget": 0})
    groups = [group for _, group in rows.groupby("budget")]
    assert list(drawn.x) == [pytest.approx(g["params"].mean()) for g in groups]
    assert list(drawn.y) == [pytest.approx(g["error"].mean()) for g in groups]
    for i, group in enumerate(groups):
        assert drawn.y[i] + drawn.error_y.array[i] == pytest.approx(group["error"].max())
        assert drawn.y[i] - drawn.error_y.arrayminus[i] == pytest.approx(group["error"].min())
        assert drawn.customdata[i][0] == "2 runs"
        keys = drawn.meta["records"]
        assert keys[min(i, len(keys) - 1)] == group.sort_values("seed")["key"].tolist()
    look = (drawn.line.color, drawn.marker.symbol, drawn.line.dash, drawn.meta["glyph"])
    assert look == tuple(figures.STYLES[family])


def test_families_differ_in_marker_and_glyph_and_longer_training_is_open():
    looks = figures.STYLES
    assert set(looks) == set(FAMILIES) - {"saliency"}
    for column in ("marker", "glyph"):
        assert len({getattr(look, column) for look in looks.values()}) == len(looks)
    for name, family in FAMILIES.items():
        if name in looks:
            more = family.images != "base" or name == "retrained"
            assert ("-open" in looks[name].marker) == more
            assert (looks[name].dash != "solid") == more
    for longer in ("bottleneck", "pruned-from-scratch"):
        assert len({looks[f"{longer}{end}"].colour for end in ("", "-long", "-longest")}) == 1


def test_controls_are_grey_and_the_families_of_the_paper_are_not():
    for name, look in figures.STYLES.items():
        grey = len({look.colour[i : i + 2] for i in (1, 3, 5)}) == 1
        own = not FAMILIES[name].control or name.startswith(("bottleneck", "pruned-from-scratch"))
        assert grey != (own and name not in ("base", "base-long", "random-profile")), name


COLOURS = {look.colour for look in (*figures.STYLES.values(), *style.LINES)}


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
@pytest.mark.parametrize("colour", sorted(COLOURS))
def test_lines_stand_out_from_a_light_and_a_dark_page(colour, page):
    def light(text):
        srgb = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    low, high = sorted([light(colour), light(page)])
    assert high / low >= 3


def test_series_that_are_no_families_have_none_of_their_colours():
    families = {look.colour for look in figures.STYLES.values() if look.colour != style.DARK_GREY}
    assert not families & {look.colour for look in style.LINES}


def test_the_description_of_errors_ranks_the_families_at_the_smallest_budget(study):
    alt = figures.error_against(study.networks, study.trajectories).layout.meta["alt"]
    small = study.networks[study.networks["budget"] == 6_000]
    means = small.groupby("family")["error"].mean().sort_values()
    expected = ", ".join(f"{FAMILIES[f].title} {e:.2f}%" for f, e in means.items())
    assert alt.endswith(f"At 6K parameters, best first: {expected}.")


def test_the_table_of_errors_has_the_means_by_family(study):
    found = table(figures.error_against(study.networks, study.trajectories, "macs"))
    assert list(found.columns) == [
        "family",
        "budget",
        figures.AXES["macs"],
        "mean error, %",
        "best seed, %",
        "worst seed, %",
        "seeds",
        "images seen in training",
    ]
    assert list(found["family"].unique()) == [
        FAMILIES[f].title for f in MAIN if f in figures.STYLES
    ]
    row = found[(found["family"] == "Bottleneck")].iloc[0]
    values = [error("bottleneck", 6_000, seed) for seed in (0, 1)]
    assert row["mean error, %"] == pytest.approx(sum(values) / 2, rel=1e-5)
    assert (row["best seed, %"], row["worst seed, %"]) == pytest.approx(values[:2], rel=1e-5)
    assert row["seeds"] == 2


def test_budgets_are_written_as_whole_numbers(study):
    found = table(figures.error_against(study.networks, study.trajectories))
    assert set(map(style.table_cell, found["budget"])) == {"–", "6,000", "12,000"}
    assert all("." not in style.table_cell(n) for n in found["parameters"])


def test_each_trajectory_is_a_thin_line_of_measured_points(study):
    figure = figures.error_against(study.networks, study.trajectories)
    lines = [t for t in figure.data if t.name == "Pruned and tuned, on the way"]
    assert {t.legendgroup for t in lines} == {FAMILIES["pruned-and-tuned"].title}
    for seed, line in enumerate(lines):
        sizes = [SCALE.shape.params(p) for _, p in STEPS]
        assert list(line.x) == sizes
        assert list(line.y) == pytest.approx([error("pruned-and-tuned", p, seed) for p in sizes])
        assert [row[0] for row in line.customdata] == list(range(len(STEPS)))
    other = figures.error_against(study.networks, study.trajectories, "total_macs")
    assert len(other.data) == len(figure.data) - 2


def test_learning_curves_have_a_line_for_each_seed(study):
    figure = figures.learning_curves(bases(study), (1,))
    first, second = error("base", 20_506, 0), error("base", 20_506, 1)
    assert [list(t.y) for t in figure.data] == [
        [first + 10, first],
        [2.0, 1.0],
        [second + 10, second],
        [2.0, 1.0],
    ]
    assert f"error is {first:.2f} to {second:.2f} per cent" in figure.layout.meta["alt"]
    found = table(figure)
    assert list(found[found["seed"] == 1]["test error, %"]) == pytest.approx(
        [second + 10, second], rel=1e-5
    )
    assert {shape.x0 for shape in figure.layout.shapes} == {1.5}


def test_the_trajectory_figure_has_each_measured_point(study):
    figure = figures.trajectory(study.trajectories)
    sizes = [SCALE.shape.params(p) for _, p in STEPS]
    assert [list(t.x) for t in figure.data] == [sizes, sizes]
    start, end = (error("pruned-and-tuned", p, 0) for p in (sizes[0], sizes[-1]))
    alt = figure.layout.meta["alt"]
    assert f"{start:.2f} per cent with all {sizes[0]:,} parameters" in alt
    assert f"{end:.2f} per cent with {sizes[-1]:,}." in alt
    assert len(table(figure)) == 2 * len(STEPS)
    assert table(figure).iloc[0].tolist() == [0, 0, 20_506, 243_008, pytest.approx(start)]


def test_bars_are_the_shares_of_channels_left():
    figure = figures.profile_bars(PROFILES)
    assert [list(bar.y) for bar in figure.data] == [
        [100 * m / c for m, c in zip(p.middle, BASE.middle, strict=True)] for p in PROFILES.values()
    ]
    assert [list(bar.text) for bar in figure.data] == [
        [str(m) for m in p.middle] for p in PROFILES.values()
    ]
    assert list(figure.data[0].marker.pattern.shape) == ["", "/", "/"]
    assert "In last, block 1 keeps the largest share, 12 per cent." in figure.layout.meta["alt"]
    assert table(figure).iloc[3].tolist() == ["half", 1, 4, 50.0]
    whole = figures.profile_bars({"full": BASE}).layout.meta["alt"]
    assert whole.endswith("In full, all blocks are whole.")


def test_lines_of_shares_are_told_apart():
    figure = figures.profile_lines(PROFILES)
    assert [list(line.y) for line in figure.data][1] == [50.0, 50.0, 50.0]
    assert len({line.line.dash for line in figure.data}) == len(PROFILES)
    assert [[row[0] for row in line.customdata] for line in figure.data] == [
        list(p.middle) for p in PROFILES.values()
    ]
    assert {shape.x0 for shape in figure.layout.shapes} == {2, 3}


def test_a_reduced_network_is_drawn_against_the_channels_of_the_base():
    figure = figures.profile_lines({"base": BASE, "reduced": BASE.reduced(0.25)})
    assert list(figure.data[1].y) == [50.0, 50.0, 50.0]


def test_lines_of_families_have_their_colours():
    figure = figures.profile_lines({"a": BASE, "b": BASE}, ["copycat", "bottleneck"])
    assert [drawn.marker.color for drawn in figure.data] == [style.PINK, style.GREEN]


def test_block_widths_show_both_sides_of_a_block():
    figure = figures.block_widths(PROFILES)
    assert [list(bar.y) for bar in figure.data] == [
        w for p in PROFILES.values() for w in ([8, 16, 32], list(p.middle))
    ]
    assert [bar.meta["label"] for bar in figure.data] == [True, True, *[False] * 4]


def test_the_scatter_has_each_channel_of_the_first_seed_by_stage(study):
    figure = figures.saliency_scatter(study.saliencies, 1)
    run = study.saliencies[study.saliencies["seed"] == 0]
    for stage in (1, 2, 3):
        rows, points = run[run["block"] == stage], trace(figure, f"stage {stage}")
        assert list(points.x) == pytest.approx(list(rows["fisher_30"]))
        assert list(points.y) == pytest.approx(list(rows["actual"]))
    rank = stats.spearmanr(run["fisher_30"], run["actual"]).statistic
    alt = figure.layout.meta["alt"]
    assert f"after 30 steps against the measured change of the loss, for {len(run)} chan" in alt
    assert f"rank correlation is {rank:.2f}" in alt
    assert "lowers the loss (1)" in alt
    found = table(figure)
    assert list(found["Fisher saliency, nats"]) == pytest.approx(list(run["fisher_30"]), rel=1e-5)


def test_ranks_are_those_of_scipy_within_each_block(study):
    figure = figures.rank_correlations(study.saliencies)
    for name, column in (
        ("Fisher, 10 steps", "fisher_10"),
        ("Fisher, 30 steps", "fisher_30"),
        ("mean absolute weight", "l1"),
    ):
        expected = [
            sum(
                stats.spearmanr(run[column], run["actual"]).statistic
                for _, run in rows.groupby("seed")
            )
            / 2
            for _, rows in study.saliencies.groupby("block")
        ]
        assert list(trace(figure, name).y) == pytest.approx(expected, abs=1e-4)
        mean = sum(expected) / len(expected)
        assert f"{name} {mean:.2f}" in figure.layout.meta["alt"]


def test_the_cost_of_a_removal_is_a_running_median(study):
    figure = figures.removal_cost(study.trajectories)
    run = study.trajectories[study.trajectories["seed"] == 0]
    seconds = list(run["seconds"])
    for i in (0, 1, 10, len(seconds) - 1):
        window = sorted(seconds[max(0, i - 4) : i + 5])
        n = len(window)
        assert figure.data[0].y[i] == pytest.approx((window[n // 2] + window[(n - 1) // 2]) / 2)
    assert list(figure.data[0].x) == list(run["macs"])
    left = run["macs"].iloc[-1] / run["macs"].iloc[0]
    assert f"when {left:.0%} of the multiply-accumulates" in figure.layout.meta["alt"]


def test_blocks_lose_their_channels_as_the_trajectory_says(study):
    figure = figures.removals_by_block(study.trajectories, BASE)
    expected = [[round(100 * p.middle[b] / BASE.middle[b], 1) for _, p in STEPS] for b in range(3)]
    for ours, theirs in zip(figure.data[0].z, expected, strict=True):
        assert list(ours) == pytest.approx(theirs)
    alt = figure.layout.meta["alt"]
    assert f"along {len(STEPS) - 1} removals" in alt
    assert "block 1 keeps most (12 per cent) and block 3 least (3 per cent)" in alt


def test_the_forest_has_means_and_intervals_of_the_claims_asked_for():
    figure = figures.forest(VERDICTS, ("C1", "C3", "C4", "C5"))
    assert {t.name: (t.x, t.y, t.error_x.array) for t in figure.data} == {
        "yes": ((1.5,), ("in short (C1)",), (0.5,)),
        "no": ((-1.0,), ("in short (C3)",), (1.0,)),
        "open": ((0.25,), ("in short (C4)",), (0,)),
    }
    assert figure.data[0].customdata == (["What C1 claims.", "1.50 points for"],)
    from_below = [f"in short ({claim})" for claim in ("C4", "C3", "C1")]
    assert list(figure.layout.yaxis.categoryarray) == from_below
    alt = figure.layout.meta["alt"]
    assert alt.endswith(
        "yes, 1.50 points for; in short: no, 1.00 points against; in short: open, 0.25 points for."
    )
    assert table(figure).iloc[2].tolist() == ["C4", "a difference", 0.25, None, None, "open"]


def test_a_line_break_in_a_claim_is_none_in_its_name():
    (claim,) = (v for v in VERDICTS if v.claim == "C1")
    broken = SimpleNamespace(**{**vars(claim), "short": "won,<br>& lost"})
    (drawn,) = figures.forest([broken], ("C1",)).data
    assert drawn.y == ("won, &#38; lost (C1)",)


def test_our_networks_stand_beside_the_published_ones(study):
    figure = figures.published({"smoke": study.networks})
    drawn = {t.name: t for t in figure.data if "ours at smoke" in t.name}
    means = study.networks.groupby("family")["error"].mean()
    assert len(drawn) == len(means)
    points = study.networks.drop_duplicates(["family", "budget"])
    assert len(table(figure)) == len(COPYCATS) + len(SNIP) + len(points)


def test_gaps_are_those_of_the_seeds_of_a_budget(study):
    rows = advantage(study.networks, study.trajectories)
    figure = figures.gaps_by_size(rows, ("bottleneck", "reduced-width"))
    assert [t.name for t in figure.data] == ["Bottleneck", "Reduced width"]
    group = rows[(rows["family"] == "bottleneck") & (rows["budget"] == 6_000)]["difference"]
    bottleneck = figure.data[0]
    assert bottleneck.y[0] == pytest.approx(group.mean())
    assert bottleneck.error_y.array[0] == pytest.approx(group.max() - group.mean())
    assert bottleneck.error_y.arrayminus[0] == pytest.approx(group.mean() - group.min())
    assert f"Bottleneck {group.mean():+.2f} points at 6K" in figure.layout.meta["alt"]
    with pytest.raises(Missing):
        figures.gaps_by_size(rows, ("copycat-long",))


def test_hovering_over_a_mean_shows_its_runs(study):
    figure = figures.error_against(study.networks, study.trajectories)
    rows = study.networks[study.networks["family"] == "copycat"]
    (drawn,) = [t for t in figure.data if t.name == FAMILIES["copycat"].title]
    told = " ".join(row[1] for row in drawn.customdata)
    for run in rows.itertuples():
        assert f"seed {run.seed}: {run.error:.2f}%" in told
    assert "%{customdata[1]}" in drawn.hovertemplate


MACHADO = {  # Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, sight):
    """CIE L*a*b* of a colour as somebody sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(sight @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    t = np.array(to_xyz) @ seen / [0.9505, 1.0, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", MACHADO)
@pytest.mark.parametrize(
    "colours",
    [
        [style.RED, style.YELLOW, style.GREEN, style.BLUE, style.PINK],
        [look.colour for look in style.LINES],
    ],
    ids=["families", "lines"],
)
def test_colour_blind_readers_tell_the_colours_apart(sight, colours):
    seen = [lab(colour, np.array(MACHADO[sight])) for colour in colours]
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(a - b) > 10


def test_published_numbers_are_all_drawn():
    figure = figures.published()
    for drawn, points in zip(figure.data, (COPYCATS, SNIP), strict=True):
        assert list(drawn.x) == [p.params for p in points]
        assert list(drawn.y) == [p.error for p in points]
    assert len(table(figure)) == len(COPYCATS) + len(SNIP)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (1.005, "1.00"),
        (12_345, "12,345"),
        (77_755.33, "77,755.30"),
        (0.000123456, "0.000123"),
        ("text", "text"),
        (0, "0"),
    ],
)
def test_cells_are_written_as_people_write_numbers(value, text):
    assert style.table_cell(style.table_value(value)) == text


def shift_points(outcome):
    outcome["points"]["error"] = [e + 50 for e in outcome["points"]["error"]]


def slow_points(outcome):
    outcome["points"]["seconds"] = [s * 3 for s in outcome["points"]["seconds"]]


def other_blocks(outcome):
    outcome["points"]["block"] = [*outcome["points"]["block"][-2::-1], None]


def shift_channels(outcome):
    outcome["channels"]["actual"] = outcome["channels"]["actual"][::-1]


def shift_epochs(outcome):
    outcome["epochs"]["test_error"] = [80.0, 70.0]


@pytest.mark.parametrize(
    ("name", "spec", "change"),
    [
        ("error against params", "bottleneck", lambda o: o.update(error=70.0)),
        ("error against total_macs", "copycat", lambda o: o.update(training_macs=10**12)),
        ("error against params", SCALE.prune_spec(0), shift_points),
        ("learning curves", SCALE.base_spec(1), shift_epochs),
        ("trajectory", SCALE.prune_spec(0), shift_points),
        ("saliency scatter", SCALE.saliency_spec(0), shift_channels),
        ("saliency ranks", SCALE.saliency_spec(1), shift_channels),
        ("removal cost", SCALE.prune_spec(0), slow_points),
        ("removals by block", SCALE.prune_spec(0), other_blocks),
    ],
)
def test_a_changed_record_changes_lines_and_table(tmp_path, own, name, spec, change):
    def parts(study):
        plain = json.loads(FIGURES[name](study).to_json())
        return plain["data"], plain["layout"]["meta"]["table"], plain["layout"]["meta"]["alt"]

    before = parts(own)
    if isinstance(spec, str):
        spec = spec_of(own, spec, 6_000, 0)
    edit(tmp_path, spec, change)
    after = parts(reopened(tmp_path, own))
    assert before[0] != after[0]
    assert before[1] != after[1]
    if name not in ("error against total_macs", "removals by block"):
        assert before[2] != after[2]


def luminance(colour):
    """Relative luminance of `#rrggbb` (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", ["#ffffff", "#121212"])
def test_every_line_stands_out_from_the_page(page):
    behind = luminance(page)
    for drawn in (*style.STYLES.values(), *style.LINES):
        light, dark = sorted((luminance(drawn.colour), behind), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, drawn
