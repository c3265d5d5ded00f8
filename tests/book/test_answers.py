import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples
from scipy import stats
from studies import BASE, IMAGES, SCALE, TUNED, edit, error, fill, reopened, spec_of, walk

from prunelib.book import prose
from prunelib.book.notebook import open_study
from prunelib.book.prose.answer import is_complete
from prunelib.book.prose.experiments import how_well
from prunelib.book.prose.judgements import size_by_size
from prunelib.book.prose.words import correlation, mean_and_range
from prunelib.book.prose.your_data import printed
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.comparisons import advantage, saliency_ranks
from prunelib.evidence.design import largest_designs
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import AtSize, judge_claims
from prunelib.evidence.view import View
from prunelib.nets.profile import ChannelProfile
from prunelib.study.plan import found as found_of_plan
from prunelib.study.plan import plan_study
from prunelib.study.store import Store
from prunelib.text import fixed, short

RESULTS = Path(__file__).parents[2] / "results"
SIZES = [SCALE.shape.params(profile) for _, profile in walk()]
SENTENCES = (prose.base, prose.prunable_share, prose.simple, prose.saliency)
errors = st.floats(0, 100)


@pytest.fixture
def own(tmp_path):
    return fill(tmp_path)


def found(text):
    return [float(n) for n in re.findall(r"[+-]?\d+\.\d+", text)]


def test_one_value_has_no_interval_and_no_spread():
    assert mean_and_range(pd.Series([7.5])) == "7.50% (one seed)"
    assert correlation(pd.Series([0.5])) == "0.50 (one seed)"


def test_a_spread_is_mean_and_range():
    assert mean_and_range(pd.Series([7.0, 9.0, 8.0, 6.0])) == "7.50% (4 seeds, from 6.00 to 9.00)"
    assert correlation(pd.Series([0.5, 0.25])) == "0.38 (2 seeds, from 0.25 to 0.50)"


NETWORKS = pd.DataFrame(
    {
        "family": ["base", "base", "bottleneck", "bottleneck", "copycat", "copycat", "bottleneck"],
        "seed": [0, 1, 0, 1, 0, 0, 2],
        "params": [300, 300, 150, 150, 99, 301, 150],
        "error": [5.0, 6.0, 12.0, 13.0, 1.0, 1.0, 1.0],
        "training_macs": [1_000_000, 2_000_000, 500, 500, 500, 500, 500],
    }
)
TRAJECTORIES = pd.DataFrame(
    {
        "seed": [0, 0, 0, 1, 1, 1],
        "params": [300, 200, 100, 300, 140, 100],
        "macs": [30, 20, 10, 30, 14, 10],
        "images": [7, 7, 7, 2, 2, 2],
        "error": [5.0, 10.0, 20.0, 6.0, None, 16.0],
    }
)


def test_networks_are_compared_with_the_trajectory_of_their_seed_at_their_size():
    rows = advantage(NETWORKS, TRAJECTORIES)
    assert list(rows["family"]) == ["bottleneck", "bottleneck"]
    assert list(rows["seed"]) == [0, 1]
    assert list(rows["tuned_error"]) == [15.0, 13.5]
    assert list(rows["difference"]) == [3.0, 0.5]
    assert list(rows["tuned_macs"]) == [1_000_000 + 3 * 7 * 50, 2_000_000 + 3 * 2 * 30]


def test_pruned_networks_and_the_base_are_not_compared_with_themselves():
    networks = NETWORKS.assign(family="pruned-and-tuned")
    assert advantage(networks, TRAJECTORIES).empty
    assert advantage(NETWORKS.assign(family="base"), TRAJECTORIES).empty


def test_without_trajectories_there_is_no_comparison():
    rows = advantage(NETWORKS, TRAJECTORIES.iloc[:0])
    assert rows.empty
    assert {"tuned_error", "difference", "tuned_macs"} <= set(rows.columns)


@examples(30)
@given(
    st.lists(errors, min_size=2, max_size=8),
    st.floats(0, 1),
    errors,
    st.randoms(use_true_random=False),
)
def test_the_compared_error_lies_on_the_line_between_measured_points(values, where, other, random):
    sizes = [100 + 40 * i for i in range(len(values))]
    size = round(sizes[0] + where * (sizes[-1] - sizes[0]))
    run = list(zip(sizes, values, strict=True))
    random.shuffle(run)
    trajectory = pd.DataFrame(run, columns=["params", "error"]).assign(seed=4, macs=1, images=1)
    network = pd.DataFrame(
        [{"family": "copycat", "seed": 4, "params": size, "error": other, "training_macs": 1}]
    )
    row = advantage(network, trajectory).iloc[0]
    i = min((size - 100) // 40, len(values) - 2)
    share = (size - sizes[i]) / 40
    expected = values[i] * (1 - share) + values[i + 1] * share
    assert row["tuned_error"] == pytest.approx(expected, abs=1e-9)
    assert row["difference"] == pytest.approx(expected - other, abs=1e-9)


def test_the_base_is_told_by_its_mean_and_range(study):
    text = prose.base(study)
    assert "has 20.5K parameters and computes 243K multiply-accumulates" in text
    assert "**10.24% (2 seeds, from 9.99 to 10.49)**" in text


def test_where_records_come_from_is_told(study):
    text = prose.provenance({"made-up": study})
    assert "Scale made-up (handwritten digits at 8×8 pixels, WRN-10-0.5, 2 epochs)" in text
    assert f"{len(study.requests)} of {len(study.requests)} runs" in text
    assert "made on a pencil in float32." in text
    assert not any("pencil" in sentence(study) for sentence in SENTENCES)


def test_the_shares_of_a_trajectory_are_those_nearest_below(study):
    text = prose.prunable_share(study)
    assert (
        "Before the first removal the test error is 14.24% (2 seeds, from 13.99 to 14.49)" in text
    )
    for share, name in ((0.5, "50%"), (0.25, "25%")):
        i = next(i for i, size in enumerate(SIZES) if size <= share * SIZES[0] + 1)
        both = [error("pruned-and-tuned", SIZES[i], seed) for seed in (0, 1)]
        told = mean_and_range(pd.Series(both))
        assert f"With {name} of the parameters it is **{told}**, after {i} removals" in text
    assert "10% of" not in text
    assert SIZES[-1] > 0.1 * SIZES[0]


def test_what_can_go_is_told_by_the_last_point_before_the_error_is_a_point_higher(tmp_path):
    def rising(family, params, seed):
        return 10 + (1 + seed) * (SIZES[0] - params) / SIZES[0]

    assert "can lose" not in prose.prunable_share(fill(tmp_path / "one", rising))
    steep = fill(tmp_path / "two", lambda *of: 10 + 4 * (rising(*of) - 10))
    lost = [
        100 * max(1 - size / SIZES[0] for size in SIZES if 4 * factor * (1 - size / SIZES[0]) < 1)
        for factor in (1, 2)
    ]
    text = prose.prunable_share(steep)
    told = f"{np.mean(lost):.0f}% of its parameters before the error rises by a point** "
    told += "(2 seeds, from "
    assert told + f"{min(lost):.0f} to {max(lost):.0f}). Before" in text
    longer = fill(tmp_path / "three", lambda *of: 10 + 4 * (rising(*of) - 10), LONGER)
    assert prose.prunable_by_length({"longer": longer, "made-up": steep}) == (
        f"What can go before the error rises by a point: {np.mean(lost):.0f}% after 2 epochs of "
        f"training and {np.mean(lost):.0f}% after 4."
    )
    assert prose.prunable_by_length({"made-up": steep}) == ""


def test_simple_networks_are_compared_pair_by_pair(study):
    text = prose.simple(study)
    for family, title in (("reduced-width", "Reduced width"), ("bottleneck", "Bottleneck")):
        gaps = []
        for budget in SCALE.budgets:
            size = SCALE.shape.params(spec_of(study, family, budget, 0).profile)
            for seed in (0, 1):
                tuned = error("pruned-and-tuned", size, seed)
                gaps.append(tuned - error(family, budget, seed))
        assert f"- **{title}**: " in text
        assert f"is {np.mean(gaps):.2f} points worse on average" in text
        assert "the better one in 0 of 4 comparisons" in text


def test_the_effort_told_is_that_of_base_and_pruning_over_that_of_training(study):
    ratios = {budget: [] for budget in SCALE.budgets}
    steps = walk()
    for family in ("reduced-width", "bottleneck"):
        for budget in SCALE.budgets:
            profile = spec_of(study, family, budget, 0).profile
            size, macs = SCALE.shape.params(profile), SCALE.shape.macs
            spent = 3 * macs(BASE) * IMAGES
            spent += sum(3 * macs(p) * TUNED for _, p in steps if SCALE.shape.params(p) >= size)
            ratios[budget].append(spent / (3 * macs(profile) * IMAGES))
    small, large = (np.mean(ratios[budget]) for budget in SCALE.budgets)
    text = prose.simple(study)
    assert f"**{large:.1f} times** (largest size) to **{small:.1f} times** (smallest)" in text


def test_without_the_record_of_a_base_its_effort_is_not_told(study):
    def find(spec):
        return None if spec == SCALE.base_spec(0) else study.find(spec)

    text = prose.simple(View(SCALE, study.requests, find))
    assert "better one in" in text
    assert "times**" not in text


def test_the_cost_is_told_as_a_share_of_that_of_pruning(tmp_path):
    study = fill(tmp_path, families=None)
    _, heads, _, *lines = (line for line in prose.cost(study).splitlines() if line)
    assert "6K parameters | 12K parameters" in heads
    rows = {line.split(" | ")[0].strip("| "): line for line in lines[:-1]}
    for family, name, work in (
        ("pruned-and-tuned", "pruned and tuned", "total_macs"),
        ("bottleneck", "bottleneck", "training_macs"),
        ("bottleneck-long", "bottleneck, trained longer", "training_macs"),
        ("pruned-from-scratch", "pruned shape that is given", "training_macs"),
        (
            "pruned-from-scratch-long",
            "pruned shape that must be found, trained longer",
            "total_macs",
        ),
        ("retrained", "pruned and retrained", "total_macs"),
    ):
        for size in SCALE.budgets:
            means = study.networks[study.networks["budget"] == size].groupby("family")
            means = means[["training_macs", "total_macs", "error"]].mean()
            share = means[work][family] / means["total_macs"]["pruned-and-tuned"]
            assert f"**{means['error'][family]:.1f}%** for {share:.2f}×" in rows[name]


def test_the_order_of_blocks_is_told_beside_that_of_chance(tmp_path):
    text = prose.shape(fill(tmp_path, families=None))
    early, late = (walk()[n][1].shares() for n in (round(500 / 1344 * BASE.prunable), -1))
    run = [p.shares() for _, p in walk() if SCALE.shape.params(p) <= SCALE.budgets[0]]
    expected = stats.spearmanr(early, run[0]).statistic
    assert late != run[0]
    assert f"rank correlation of **{expected:.2f}** (2 seeds)" in text
    assert f"even random pruning gives {expected:.2f} (2 seeds)" in text


@pytest.mark.parametrize("scale", ["mini", "smoke"])
def test_the_chapter_on_profiles_and_the_verdict_have_one_number(scale):
    view = open_study(scale, results=str(RESULTS), run_missing=False)
    (verdict,) = [v for v in judge_claims(view, CLAIMS) if v.claim == "C8"]
    assert f"rank correlation of **{fixed(verdict.mean)}**" in prose.shape(view)


def test_whether_seeds_agree_is_told_by_rank_correlations_of_scipy():
    view = open_study("mini", results=str(RESULTS), run_missing=False)
    shapes = [run.after(run.reach(80_000)).shares() for run in map(view.trajectory, range(3))]
    found = [stats.spearmanr(a, b).statistic for a, b in combinations(shapes, 2)]
    text = prose.seeds_agree(view)
    assert f"rank correlation of **{np.mean(found):.2f}** (3 pairs of seeds" in text
    assert f"{min(found):.2f} to {max(found):.2f})" in text


def test_a_pruned_network_that_is_better_is_counted(tmp_path):
    def other(family, params, seed):
        better = family == "pruned-and-tuned" and seed == 1
        return error(family, params, seed) + 20 - 20 * better

    assert "better one in 2 of 4 comparisons" in prose.simple(fill(tmp_path, other))


def test_saliency_is_told_by_rank_correlations_of_scipy(study):
    text = prose.saliency(study)
    ranks = {"fisher_30": [], "l1": [], "fisher_10": []}
    for _, run in study.saliencies.groupby("seed"):
        for name, values in ranks.items():
            values.append(stats.spearmanr(run[name], run["actual"]).statistic)
    assert max(ranks["fisher_10"]) == pytest.approx(-1)
    low, high = sorted(ranks["l1"])
    mean = np.mean(ranks["fisher_30"])
    assert text.startswith(f"**{how_well(mean)}.** After 2 epochs of training and 30 steps of ")
    assert f"rank correlation of **{mean:.2f} (2 seeds, from" in text
    assert f"with 10 steps one of {np.mean(ranks['fisher_10']):.2f}." in text
    assert f"comes to {np.mean(ranks['l1']):.2f} (2 seeds, from {low:.2f} to {high:.2f})" in text
    assert f"{100 / BASE.prunable:.0f}% of the channels lower the loss" in text
    ratios = study.saliencies["actual"] / study.saliencies["fisher_30"]
    assert f"by {np.median(ratios):.1f} times its saliency" in text
    table = saliency_ranks(study.saliencies)
    assert list(table.index) == [0, 1]
    assert list(table["l1"]) == pytest.approx(ranks["l1"])


def test_designs_are_a_table_with_the_best_first(tmp_path, study):
    designs = largest_designs(study, 8_000)
    text = prose.designs(study, 8_000, designs)
    assert text.startswith("Within **8,000 parameters**, best first:")
    lines = [line for line in text.splitlines() if re.match(r"\| (\*\*)?[A-Z]", line)]
    assert len(lines) == len(designs) == 4
    for line, d in zip(lines, designs, strict=True):
        assert line.replace("**", "").endswith(
            f"| 2 | ≈ {d.expected.error:.1f}% | {short(d.params)} | {short(d.macs)} | – |"
        )
        assert d.expected.note.startswith("interpolated")
    longer = fill(tmp_path, families=None)
    text = prose.designs(longer, 8_000, largest_designs(longer, 8_000))
    for d in largest_designs(longer, 8_000):
        assert f"| {d.epochs} | ≈ {d.expected.error:.1f}% |" in text.replace("**", "")
    assert {d.epochs for d in largest_designs(longer, 8_000)} > {2}


def test_times_are_those_of_the_benchmark(study):
    designs = [d for d in largest_designs(study, 8_000) if d.family == "bottleneck"]
    row = {"network": "WRN-10-0.5", "size": 8, "family": "bottleneck", "engine": "ONNX Runtime"}
    row |= {"precision": "float32", "threads": 1, "batch": 1}
    rows = [row | {"macs": 0, "ms": 1.0}, row | {"macs": 2 * designs[0].macs, "ms": 2.0}]
    timed = {"rows": rows, "circumstances": {"hardware": "an abacus"}}
    text = prose.designs(study, 8_000, designs, timed)
    assert "| **1.50** |" in text
    assert "one thread of an abacus" in text


def test_the_script_trains_the_network_that_is_designed(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    best = largest_designs(study, 8_000)[0]
    text = prose.to_take(study.scale, 8_000, best, None)
    assert "No weights of networks within this budget are released" in text
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S)[1], names)
    assert names["network"].profile == best.profile
    assert names["protocol"] == study.scale.train
    assert f"test error {names['history'][-1].test_error:.2f}%" in capsys.readouterr().out
    assert (tmp_path / "network.pt").exists()


def test_what_is_released_is_named(study):
    _, record = next(
        (r, s) for r, s in found_of_plan(study.requests, study.find) if r.family == "bottleneck"
    )
    text = prose.to_take(study.scale, 8_000, largest_designs(study, 8_000)[0], record)
    assert f"a network of {record.outcome['params']:,} parameters" in text
    assert record.key in text
    assert "prunelib export --params 8000 -o net.onnx" in text


def test_designs_of_another_width_are_not_measured(study):
    wide = ChannelProfile.full(10, 1)
    text = prose.designs(study, 20_000, largest_designs(study, 20_000, wide))
    assert text.count("not measured") == 3


@pytest.mark.parametrize("sentence", SENTENCES)
def test_where_nothing_is_measured_the_sentence_says_how_to_change_that(tmp_path, study, sentence):
    text = sentence(reopened(tmp_path, study))
    assert text.startswith("There are no records of ")
    assert text.endswith("at scale made-up yet: `prunelib study made-up` makes them.")
    assert not found(text)


def shift_points(outcome):
    outcome["points"]["error"] = [e + 50 for e in outcome["points"]["error"]]


def shift_channels(outcome):
    outcome["channels"]["actual"] = outcome["channels"]["actual"][::-1]


@pytest.mark.parametrize(
    ("sentence", "spec", "change"),
    [
        (prose.base, SCALE.base_spec(1), lambda o: o.update(error=60.0)),
        (prose.base, SCALE.base_spec(0), lambda o: o.update(params=99)),
        (prose.base, SCALE.base_spec(0), lambda o: o.update(macs=99)),
        (prose.prunable_share, SCALE.prune_spec(1), shift_points),
        (prose.simple, SCALE.prune_spec(0), shift_points),
        (prose.simple, SCALE.base_spec(1), lambda o: o.update(training_macs=10**12)),
        (prose.simple, "bottleneck", lambda o: o.update(error=5.0)),
        (prose.simple, "reduced-width", lambda o: o.update(error=5.0)),
        (prose.simple, "reduced-width", lambda o: o.update(training_macs=1)),
        (prose.saliency, SCALE.saliency_spec(1), shift_channels),
    ],
)
def test_a_changed_record_changes_the_sentence(tmp_path, own, sentence, spec, change):
    before = sentence(own)
    if isinstance(spec, str):
        spec = spec_of(own, spec, 6_000, 1)
    edit(tmp_path, spec, change)
    after = sentence(reopened(tmp_path, own))
    assert after != before
    words = r"^\*\*[A-Z][a-z, ]+\.|[\d.,+KMG-]+|better|worse"
    plain = [re.sub(words, "#", text) for text in (before, after)]
    assert plain[0] == plain[1]


def test_every_number_of_the_base_moves_with_its_records(tmp_path, own):
    for seed in (0, 1):
        edit(
            tmp_path,
            SCALE.base_spec(seed),
            lambda o, s=seed: o.update(error=41.5 + 2 * s, params=1_230, macs=4_560),
        )
    text = prose.base(reopened(tmp_path, own))
    assert "has 1.23K parameters and computes 4.56K multiply-accumulates" in text
    assert "**42.50% (2 seeds, from 41.50 to 43.50)**" in text


def test_one_seed_is_called_one_seed(tmp_path):
    study = fill(tmp_path, seeds=1)
    assert "**9.99% (one seed)**" in prose.base(study)
    assert "13.99% (one seed)" in prose.prunable_share(study)
    assert "(one seed)" in prose.saliency(study)


def test_a_trajectory_that_ends_early_is_told_without_a_gap(tmp_path):
    study = fill(tmp_path)

    def end(outcome):
        points = outcome["points"]
        for name in points:
            points[name] = points[name][:3]

    for seed in (0, 1):
        edit(tmp_path, SCALE.prune_spec(seed), end)
    records = reopened(tmp_path, study)
    records.__dict__["requests"] = tuple(
        r for r in study.requests if r.family in ("base", "pruned-and-tuned")
    )
    assert "it is ." not in prose.prunable_share(records)
    assert Store(tmp_path).find(SCALE.prune_spec(0))


DECIDE = (
    "base",
    "pruned-and-tuned",
    "reduced-width",
    "bottleneck",
    "pruned-from-scratch",
    "bottleneck-long",
    "pruned-from-scratch-long",
)
LONGER = replace(
    SCALE, name="longer", budgets=SCALE.budgets[:1], train=replace(SCALE.train, epochs=4)
)


def lead_of(points):
    """Errors with which a bottleneck network of equal images leads by so many points."""

    def made(family, params, seed):
        small = params < 9_000 and family == "bottleneck-long"
        return 20 + 0.1 * seed - points * (family == "bottleneck-long") - 0.5 * small

    return made


def test_the_answer_is_of_the_longest_length_and_its_second_sentence_tells_the_trend(tmp_path):
    short = fill(tmp_path / "short", lead_of(3.0), families=DECIDE)
    long = fill(tmp_path / "longer", lead_of(2.0), LONGER, families=DECIDE)
    studies = {"made-up": short, "longer": long}
    first, second, *_ = re.split(r"(?<=\.) ", prose.headline(studies))
    assert "beats a pruned one by 2.5 points" in first
    assert second == "With 2 epochs instead of 4, it is 3.5 points better."
    assert prose.long_enough(studies).startswith(
        "**The lead of small networks shrinks.** At equal images, at 6K parameters, the small "
        "network is 3.5 points better if the large one is trained for 2 epochs and 2.5 points "
        "better for 4."
    )
    behind = fill(tmp_path / "behind", lead_of(-2.0), LONGER, families=DECIDE)
    turned = prose.long_enough({"made-up": short, "longer": behind})
    assert turned.startswith("**The lead changes sides.** ")


def test_claims_are_told_of_the_longest_study_wherever_it_stands(tmp_path):
    short = fill(tmp_path / "short", lead_of(3.0), families=DECIDE)
    long = fill(tmp_path / "longer", lead_of(2.0), LONGER, families=DECIDE)
    both = [{"made-up": short, "longer": long}, {"longer": long, "made-up": short}]
    for tell in (prose.claims_table, prose.sources, lambda s: prose.claims(s, "K7", "C1")):
        one, other = map(tell, both)
        assert one == other
    first, second = prose.claims(both[0], "K7", "K8").splitlines()
    assert "At longer (4 epochs): ✔ At equal images, bottleneck networks beat" in first
    assert "At made-up: ✔ yes" in first
    assert "At longer (4 epochs): " in second


def test_the_sentence_is_for_a_length_that_can_settle_a_claim(tmp_path):
    short = fill(tmp_path / "short", lead_of(3.0), families=DECIDE)
    one = replace(LONGER, seeds=1)
    long = fill(tmp_path / "longer", lead_of(2.0), one, families=DECIDE)
    told = prose.claims({"made-up": short, "longer": long}, "K7")
    assert "At made-up (2 epochs): ✔" in told
    assert "At longer: ? open." in told
    assert "At longer (4 epochs): ? Not settled" in prose.claims(
        {"longer": long, "none": View(SCALE, short.requests, lambda spec: None)}, "K7"
    )


def test_sizes_of_equals_say_who_is_better(tmp_path):
    rows = [(80_000, "open", 0.34), (200_000, "equal", -0.14)]
    sizes = tuple(AtSize(size, word, mean, mean, mean, 2) for size, word, mean in rows)
    view = fill(tmp_path, lead_of(3.0), families=DECIDE)
    verdict = next(v for v in judge_claims(view, QUESTIONS) if v.claim == "K18")
    told = size_by_size(replace(verdict, verdict="equal", mean=0.1, seeds=2, sizes=sizes))
    assert told == "80K: open, 0.34 for; 200K: about equal, 0.14 against"


def test_more_seeds_than_a_scale_has_leave_it_complete(tmp_path):
    view = fill(tmp_path, lead_of(3.0), families=DECIDE, seeds=3)
    assert "beats a pruned one by 3.2 points" in prose.headline({"made-up": view})
    assert "3 of 3 (C1)" in prose.coverage({"made-up": view})
    assert is_complete(view)


def test_a_claim_about_another_scale_says_which(tmp_path):
    view = fill(tmp_path, lead_of(3.0), families=DECIDE)
    told = prose.claims({"made-up": view}, "C11")
    assert told.endswith("<small>C11</small>: asked at paper only.")


def test_every_claim_is_in_the_tally_once(tmp_path):
    view = fill(tmp_path, lead_of(3.0), families=DECIDE)
    text = prose.tally({"made-up": view})
    found = judge_claims(view, CLAIMS)
    holds = sum(v.verdict == "supported" for v in found)
    unasked = sum(not v.sizes and (not v.planned or v.claim == "C11") for v in found)
    unmeasured = sum(not v.sizes for v in found) - unasked
    assert text.startswith(f"At made-up (2 epochs), **{holds} of the paper's {len(CLAIMS)} claims ")
    for count, words in (
        (unmeasured, r"ha\w+ not been measured"),
        (unasked, r"\w+ not asked there"),
    ):
        assert re.findall(rf"(\d+) {words}", text) == [str(count)] * (count > 0)
    counts = [int(n) for n in re.findall(r"(?<!')\b\d+ (?!claims|epochs)", text)]
    assert sum(counts) == len(CLAIMS)
    assert "Nothing is measured" in prose.tally({})


def test_a_length_of_which_something_is_missing_makes_neither_answer_nor_trend(tmp_path):
    short = fill(tmp_path / "short", lead_of(3.0), families=DECIDE)
    long = fill(tmp_path / "longer", lead_of(2.0), LONGER, families=DECIDE, seeds=1)
    studies = {"made-up": short, "longer": long}
    assert prose.headline(studies) == prose.headline({"made-up": short})
    assert prose.trend(studies) == ""
    assert "complete at made-up only" in prose.long_enough(studies).replace("\\", "")


def test_another_base_network_is_another_question(tmp_path):
    short = fill(tmp_path / "short", lead_of(3.0), families=DECIDE)
    long = fill(tmp_path / "longer", lead_of(2.0), LONGER, families=DECIDE)
    assert prose.trend({"made-up": short, "longer": long})
    long = View(replace(LONGER, base=ChannelProfile.full(10, 1)), long.requests, long.find)
    assert prose.trend({"made-up": short, "longer": long}) == ""


def test_controls_may_be_missing_of_a_complete_length(tmp_path):
    more = replace(SCALE, families=(*SCALE.families, "taper", "distilled-shape"))
    study = fill(tmp_path, lead_of(3.0), more, families=DECIDE)
    view = View(more, tuple(plan_study(more)), study.find)
    assert view.there < len(view.requests)
    assert "beats a pruned one by 3.2 points" in prose.headline({"made-up": view})


def test_what_a_command_printed_stays_in_its_block():
    said = printed({"command": "prunelib recommend", "printed": ["a", "```", "b"]})
    assert said.splitlines() == ["```text", "$ prunelib recommend", "", "a", "'''", "b", "```"]
