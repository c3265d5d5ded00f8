import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import studies as made_up
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from prunelib.book import prose
from prunelib.book.notebook import open_study
from prunelib.book.prose import answer, phrases, spending
from prunelib.book.prose.answer import worth_pruning
from prunelib.book.prose.judgements import said, sizes_text, verdict_cell
from prunelib.evidence import verdicts
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import EQUAL_MACS, IDENTITIES, QUESTIONS
from prunelib.evidence.statistics import mean_interval
from prunelib.evidence.verdicts import MAX_SAMPLE_SIZE, Limits, seeds_to_settle
from prunelib.study.scales import SCALES
from prunelib.study.trajectory import Trajectory

ROOT = Path(__file__).parents[2]
SMOKE = replace(SCALES["smoke"], budgets=(6_000, 12_000, 24_000), long_seeds=None)
FULL = SMOKE.shape.params(SMOKE.base)


class MadeUp:
    """A study whose right verdicts are known: errors are given by family, budget and seed."""

    def __init__(self, error, seeds=3, blocks=(6, 6, 5, 6, 5, 4)):
        self.scale = SMOKE
        base_macs = 1_000_000
        rows, walks = [], []
        for seed in range(seeds):
            walk = self.walk(blocks)
            middle = {b: walk.after(walk.at(b)).middle for b in SMOKE.budgets}
            params = np.array(walk.params)
            walks.append(
                pd.DataFrame(
                    {
                        "family": "pruned-and-tuned",
                        "seed": seed,
                        "removals": range(len(params)),
                        "params": params,
                        "macs": np.linspace(500, 100, len(params)).astype(int),
                        "images": 100,
                        "error": [error("pruned-and-tuned", p, seed) for p in params],
                    }
                )
            )
            common = {"seed": seed, "training_macs": base_macs, "search_macs": 0, "seconds": 1.0}
            common["first_error"] = math.nan
            rows.append(
                common
                | {
                    "family": "base",
                    "budget": None,
                    "params": FULL,
                    "macs": SMOKE.shape.macs(SMOKE.base),
                    "error": error("base", FULL, seed),
                    "middle": SMOKE.base.middle,
                }
            )
            for budget in SMOKE.budgets:
                for family in (
                    "pruned-and-tuned",
                    "reduced-width",
                    "bottleneck",
                    "pruned-from-scratch",
                    "copycat",
                ):
                    rows.append(
                        common
                        | {
                            "family": family,
                            "budget": budget,
                            "params": budget,
                            "macs": 10 * budget,
                            "error": error(family, budget, seed),
                            "middle": middle[budget],
                        }
                    )
        self.networks = pd.DataFrame(rows)
        self.networks["key"] = "made-up"
        self.trajectories = self.all_trajectories = pd.concat(walks, ignore_index=True)
        self.runs = dict.fromkeys(range(seeds), walk)

    @staticmethod
    def walk(order):
        profile, blocks, params = SMOKE.base, [], [FULL]
        while SMOKE.shape.params(profile) > SMOKE.prune.stop_params:
            block = next((b for b in order if profile.middle[b - 1] > 1), None)
            block = block or next(b for b in range(6, 0, -1) if profile.middle[b - 1] > 1)
            order = (*order[1:], order[0])
            profile = profile.without(block)
            blocks.append(block)
            params.append(SMOKE.shape.params(profile))
        return Trajectory(SMOKE.base, (*blocks, None), tuple(params))

    def trajectory(self, seed=0):
        return self.runs[seed]


def by_claim(study):
    return {v.claim: v for v in verdicts.judge_claims(study)}


def noise(family, size, seed):
    digest = np.random.SeedSequence([len(family), int(size), seed]).generate_state(1)[0]
    return (digest / 2**32 - 0.5) * 0.4


def clear(sign):
    """Pruned-and-tuned worse (sign 1) or better (-1), by more the smaller the network is."""

    def error(family, size, seed):
        smaller = 4 * (1 - size / FULL)
        shift = {
            "pruned-and-tuned": sign * (3 + 3 * smaller),
            "reduced-width": sign * 1.5,
            "bottleneck": sign * 1.0,
        }.get(family, 0.0)
        return 10 + smaller + shift + noise(family, size, seed)

    return error


@cache
def settled():
    """A verdict to change; its own values do not matter."""
    return verdicts.judge_claims(MadeUp(clear(1)))[0]


def test_a_clear_effect_is_supported():
    found = by_claim(MadeUp(clear(1)))
    for claim in ("C1", "C2", "C3", "C4", "C5", "C9"):
        assert found[claim].verdict == "supported", claim
        assert found[claim].seeds == 3


def test_an_effect_the_other_way_is_refuted():
    found = by_claim(MadeUp(clear(-1)))
    for claim in ("C1", "C2", "C3", "C4"):
        assert found[claim].verdict == "refuted", claim
        assert found[claim].high < 0


def test_no_effect_is_open():
    def error(family, size, seed):
        away = {"pruned-and-tuned": 1.0, "pruned-from-scratch": 0.7}.get(family, 0.0)
        return 10 + 2 * (-1 if seed == 1 else 1) * away + noise(family, size, seed)

    found = by_claim(MadeUp(error))
    for claim in ("C1", "C3", "C4"):
        assert found[claim].verdict == "open", claim
        assert found[claim].low < 0 < found[claim].high


def test_one_seed_is_open_whatever_it_shows():
    found = by_claim(MadeUp(clear(1), seeds=1))
    for claim in ("C1", "C3", "C9"):
        assert found[claim].verdict == "open"
        assert found[claim].low is None
        assert found[claim].mean is not None


def test_copycats_that_are_worse_by_more_than_the_margin_are_refuted():
    def error(family, size, seed):
        return 10 + 3 * (family == "copycat") + noise(family, size, seed)

    assert by_claim(MadeUp(error))["C5"].verdict == "refuted"


def test_the_gap_is_that_of_equal_parameters():
    def error(family, size, seed):
        return size / 1000 + 2.5 * (family == "pruned-and-tuned")

    study = MadeUp(error)
    found = by_claim(study)
    steps = study.trajectories["params"]
    coarse = max(abs(steps.diff().dropna())) / 1000
    assert found["C1"].mean == pytest.approx(2.5, abs=coarse)
    assert found["C2"].mean == pytest.approx(0, abs=coarse)


@pytest.mark.parametrize(
    ("middle", "verdict"),
    [
        ((8, 8, 14, 12, 8, 4), "supported"),
        ((1, 2, 6, 10, 30, 32), "refuted"),
    ],
)
def test_which_blocks_lose_more_is_seen(middle, verdict):
    study = MadeUp(clear(1))
    study.networks["middle"] = [middle] * len(study.networks)
    assert by_claim(study)["C6"].verdict == verdict


def test_an_untouched_strided_block_keeps_more():
    found = by_claim(MadeUp(clear(1), blocks=(6, 4, 2, 1)))
    assert found["C7"].verdict == "supported"
    assert found["C7"].mean > 10


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=6),
    st.floats(-10, 0),
    st.floats(0, 10),
)
def test_a_verdict_is_where_the_interval_lies(values, low, high):
    mean, left, right = mean_interval(values)
    verdict = Limits(low, high).word(left, right)
    assert left <= mean <= right
    inside, outside = low < left and right < high, right < low or left > high
    assert verdict == ("supported" if inside else "refuted" if outside else "open")


def test_intervals_are_students():
    mean, left, right = mean_interval([1.0, 2.0, 4.5])
    verdict = Limits(0, math.inf).word(left, right)
    assert mean == 2.5
    assert right - mean == pytest.approx(4.302652729696142 * 1.8027756377319946 / math.sqrt(3))
    assert mean - left == pytest.approx(right - mean)
    assert verdict == "open"


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=5), st.floats(-10, 0))
def test_seeds_to_settle_are_the_fewest_whose_interval_leaves_the_line(values, low):
    """Against intervals of as many made-up values of the same mean and spread."""
    mean, spread = np.mean(values), np.std(values, ddof=1)
    assume(spread > 1e-6)

    def settled(seeds):
        side = np.resize([1.0, -1.0], seeds)
        side -= side.mean()
        alike = mean + side * spread / np.std(side, ddof=1)
        return Limits(low, math.inf).word(*mean_interval(alike)[1:]) != "open"

    found = seeds_to_settle(values, low, math.inf)
    expected = (n for n in range(2, MAX_SAMPLE_SIZE + 1) if settled(n))
    assert found == next(expected, None)


def test_one_seed_does_not_tell_how_many_would_settle():
    assert seeds_to_settle([3.0], 0, math.inf) is None


def test_claims_that_do_not_hold_are_explained_and_no_others():
    study = open_study("smoke", run_missing=False)
    found = {v.claim: v for v in verdicts.judge_claims(study, CLAIMS + QUESTIONS)}
    named, listed = {}, None
    for line in prose.reasons({"smoke": study}, "smoke").splitlines()[2:]:
        number = re.search(r"[CK]\d+|seeds", line).group()
        if line.startswith("- "):
            listed = named.setdefault(number, [])
        else:
            listed.append(number)
    for claim in CLAIMS:
        verdict = found[claim.number]
        fails = verdict.mean is not None and verdict.verdict != "supported"
        assert (claim.number in named) == fails
        if fails:
            alike = verdict.differ is None or verdict.differ >= 0.05
            unsettled = verdict.verdict == "open" and verdict.seeds > 1 and alike
            assert named[claim.number] == [*claim.why, *["seeds"] * unsettled]
    assert named


def test_a_control_measured_elsewhere_says_where(tmp_path):
    def copies_fail(family, params, seed):
        return made_up.error(family, params, seed) + 5 * (family == "copycat")

    fewer = tuple(family for family in made_up.MAIN if family != "random-profile")
    elsewhere = replace(made_up.SCALE, name="elsewhere")
    studies = {
        "elsewhere": made_up.fill(tmp_path / "a", copies_fail, elsewhere),
        "made-up": made_up.fill(tmp_path / "b", copies_fail, families=fewer),
    }
    for scale, place in (("made-up", " (at elsewhere)"), ("elsewhere", "")):
        lines = prose.reasons(studies, scale).splitlines()
        failed = next(i for i, line in enumerate(lines) if "<small>C5</small>" in line)
        assert "<small>K3</small>" in lines[failed + 1]
        assert lines[failed + 1].endswith(f"points against{place}.")


def test_every_claim_of_the_paper_gets_a_verdict_from_the_committed_records():
    study = open_study("smoke", run_missing=False)
    found = verdicts.judge_claims(study)
    assert [v.claim for v in found] == [f"C{i}" for i in range(1, 12)]
    assert [c.number for c in CLAIMS] == [v.claim for v in found]
    for verdict in found:
        assert (verdict.seeds == 0) == (verdict.mean is None) == (verdict.records == ())


def test_nothing_measured_is_open_everywhere():
    empty = open_study("paper", run_missing=False)
    assert {v.verdict for v in verdicts.judge_claims(empty)} == {"open"}
    assert "Nothing is measured" in prose.headline({"paper": empty})


def depends(verdict):
    return verdict == "depends on the size"


@pytest.mark.parametrize(
    ("images", "epochs", "first"),
    [
        ("open", "supported", "**No**: "),
        ("supported", "supported", "**No**: "),
        ("supported", "refuted", "**No**: "),
        ("supported", "open", "**No**: "),
        ("refuted", "refuted", "**Yes**: "),
        ("refuted", "open", "**Yes**: "),
        ("refuted", "supported", "**It is open**: "),
        ("open", "refuted", "**It is open**: "),
        ("open", "open", "**It is open**: "),
        ("depends on the size", "supported", "**No**: "),
        ("depends on the size", "refuted", "**It depends on the size**: "),
        ("depends on the size", "open", "**It depends on the size**: "),
        ("open", "depends on the size", "**It is open**: "),
    ],
)
def test_at_equal_epochs_only_a_defeat_of_pruning_decides(images, epochs, first):
    base = settled()
    asked = [
        replace(base, claim=claim, verdict=verdict, mean=mean, sizes=base.sizes * depends(verdict))
        for claim, verdict, mean in (("K7", images, 1.25), ("C1", epochs, -2.5), ("K8", "open", 3))
    ]
    text = " ".join(worth_pruning(*asked))
    assert text.startswith(first)
    assert len(text.split()) < 75
    assert text.count(". ") == 2
    decided = {"supported", "refuted"}
    assert ("1.2 points" in text) == (images in decided)
    assert ("2.5 points" in text) == (epochs in decided)
    assert "3.0 points" not in text


@pytest.mark.parametrize(("claim", "word"), [*answer.ANSWERS])
def test_every_phrase_of_the_answer_is_said_where_its_verdict_is(claim, word):
    base = settled()
    asked = {name: replace(base, claim=name, verdict="open", mean=0.5) for name in answer.LEADING}
    asked[claim] = replace(base, claim=claim, verdict=word, mean=-1.5)
    text = " ".join(worth_pruning(*(asked[name] for name in answer.LEADING)))
    begins = answer.ANSWERS[claim, word].partition("{sizes}")[0]
    assert begins.format(x="1.5 points") in text


def test_an_answer_that_would_not_survive_so_many_claims_is_a_doubtful_one():
    def asked(verdict, survives):
        one = replace(settled(), claim="K7", verdict=verdict, mean=1.0, survives=survives)
        other = replace(settled(), claim="C1", verdict="open", mean=0.1, survives=None)
        return worth_pruning(one, other, replace(other, claim="K8"))[0]

    assert asked("supported", True).startswith("**No**: ")
    assert asked("supported", False).startswith("**Probably not**: ")
    assert asked("refuted", False).startswith("**Probably**: ")
    assert asked("open", False).startswith("**It is open**: ")


def test_an_answer_on_average_says_at_which_sizes_it_holds():
    def at(*rows):
        sizes = tuple(verdicts.AtSize(s, word, mean, mean, mean, 3) for s, word, mean in rows)
        return replace(settled(), claim="K7", verdict="supported", mean=1.64, sizes=sizes)

    rows = [(80_000, "supported", 3.53), (200_000, "open", 1.03), (320_000, "open", 0.37)]
    told = answer.answer_phrase(at(*rows))
    assert told.endswith(
        "a small network beats a pruned one by 1.6 points of test error on average: "
        "3.5 at 80K parameters, undecided at 200K and 320K"
    )
    assert answer.answer_phrase(at(*rows[:1])).endswith("by 1.6 points of test error")
    assert answer.answer_phrase(at(*rows[1:])).endswith(
        "on average: undecided at 200K and 320K parameters"
    )


def test_an_answer_that_depends_on_the_size_says_what_holds_at_which():
    sizes = tuple(
        verdicts.AtSize(size, word, mean, mean, mean, seeds=3)
        for size, word, mean in (
            (80_000, "supported", 2.54),
            (200_000, "open", 0.2),
            (320_000, "refuted", -1.02),
            (440_000, "refuted", -1.26),
            (500_000, "open", None),
        )
    )
    found = {
        claim: replace(settled(), claim=claim, verdict="depends on the size", sizes=sizes)
        for claim in answer.LEADING
    }
    first, second, third = worth_pruning(*found.values())
    assert first == (
        "**It depends on the size**: on as many images as it takes to train and prune a large "
        "network, a small network beats a pruned one by 2.5 points at 80K parameters, the two are "
        "too close to call at 200K, and a pruned network beats a small one by 1.0 and 1.3 points "
        "at 320K and 440K."
    )
    assert second.endswith(first.partition("network, ")[2])
    assert "they beat bottlenecks by 2.5 points at 80K parameters" in third


def test_the_answer_is_that_of_the_longest_complete_study():
    short, long = (MadeUp(clear(1)) for _ in range(2))
    for study in (short, long):
        rows = study.networks
        longer = rows[rows["family"].isin(("bottleneck", "pruned-from-scratch"))]
        longer = longer.assign(family=longer["family"] + "-long")
        study.networks = pd.concat([rows, longer], ignore_index=True)
    train = replace(SMOKE.train, epochs=30, milestones=(9, 18, 27))
    short.scale, long.scale = replace(SMOKE, name="a"), replace(SMOKE, name="b", train=train)
    studies = {"a": short, "b": long}
    assert answer.longest_complete(studies) is long
    rows = long.networks
    long.networks = rows[(rows["seed"] != 2) | (rows["family"] != "bottleneck-long")]
    assert answer.longest_complete(studies) is short
    short.networks = rows.iloc[:0]
    short.trajectories = short.trajectories.iloc[:0]
    assert answer.longest_complete(studies) is long


NUMBERS = {claim.number for claim in CLAIMS + QUESTIONS}


def test_every_claim_has_two_sides_or_a_fact():
    assert phrases.SIDES.keys() | phrases.FACTS.keys() == NUMBERS
    assert not phrases.SIDES.keys() & phrases.FACTS.keys()
    points = {claim.number for claim in CLAIMS + QUESTIONS if claim.points}
    assert phrases.SIDES.keys() == points


@pytest.mark.parametrize(("claim", "word"), [*phrases.PHRASES])
def test_every_phrase_says_who_is_better_by_how_much(claim, word):
    base = settled()
    above, below = (
        said(replace(base, claim=claim, verdict=word, mean=mean)) for mean in (1.25, -1.25)
    )
    for text in (above, below):
        assert "1.25" in text
        assert "{" not in text
        assert ("not settled" in text) == (word == "open")
        assert ("depends on the size" in text) == (word == "depends on the size")
    if claim in phrases.SIDES:
        first, second, _ = phrases.SIDES[claim]
        assert "1.25 points" in above
        assert first in above
        assert second in above
        if word == "equal" or (word == "supported" and claim in phrases.ALIKE):
            assert "too little to matter" in above
            # That copycats are far better than SNIP's networks is no reason to say no.
            assert (above == below) == ((claim, word) != ("C11", "supported"))
        else:
            assert above.index(first) < above.rindex(second)
            assert below.index(second) < below.rindex(first)
    else:
        assert above != below


def test_a_table_says_for_or_against_and_what_is_missing():
    base = settled()
    one = replace(base, mean=1.5, low=None, high=None, seeds=1, planned=1, sizes=())
    assert "1.50 points for (no interval, 1 seed)" in verdict_cell(one)
    assert "1 of 3 seeds" in verdict_cell(replace(one, planned=3))
    assert "it has not been measured" in verdict_cell(replace(one, mean=None))
    wide = replace(base, mean=-1.0, low=-3.0, high=1.0, verdict="open", sizes=())
    assert "? **open**: 1.00 points against (3.00 against to 1.00 for, 3 seeds)" in verdict_cell(
        wide
    )
    alike = replace(wide, claim="C5")
    assert "1.00 points better (3.00 better to 1.00 worse, 3 seeds)" in verdict_cell(alike)
    sizes = [part.split(": ")[1] for part in sizes_text(base).split("; ")]
    assert sizes == [f"yes, {abs(at.mean):.2f} for" for at in base.sizes]
    more = sizes_text(replace(base, seeds=base.seeds - 1)).split("; ")
    assert all(part.endswith(f" for ({base.seeds} seeds)") for part in more)


def test_the_table_has_all_claims_and_scales():
    study = open_study("smoke", run_missing=False)
    key, _, *lines = prose.claims_table({"smoke": study}).splitlines()
    assert key.startswith("Each cell has the verdict")
    assert "smoke, 10 epochs" in lines[0]
    words = {"supported": "yes", "refuted": "no", "equal": "about equal"}
    for verdict, line in zip(verdicts.judge_claims(study), lines[2:], strict=True):
        assert f'id="{verdict.claim.lower()}"' in line
        told = "not asked" if verdict.claim == "C11" else verdict.verdict
        assert words.get(told, told) in line
        if verdict.mean is not None:
            assert f"{abs(verdict.mean):.2f}" in line


def test_the_records_behind_a_verdict_are_enough_for_it():
    study = open_study("smoke", run_missing=False)
    asked = CLAIMS + QUESTIONS
    for claim, verdict in zip(asked, verdicts.judge_claims(study, asked), strict=True):
        behind = SimpleNamespace(
            scale=study.scale,
            networks=study.networks[study.networks["key"].isin(verdict.records)],
            trajectories=study.trajectories,
            all_trajectories=study.all_trajectories,
            trajectory=study.trajectory,
        )
        if verdict.records:
            assert verdicts.judge(claim, behind).mean == verdict.mean
            assert len(verdict.records) < study.networks["key"].nunique()


def test_the_records_behind_each_verdict_can_be_looked_up():
    study = open_study("smoke", run_missing=False)
    text = prose.sources({"smoke": study})
    found = re.findall(r"<li>([CK]\d+): (.*?)</li>", text)
    listed = {claim: tuple(re.findall(r"<code>(\w+)</code>", keys)) for claim, keys in found}
    assert listed == {
        v.claim: v.records for v in verdicts.judge_claims(study, CLAIMS + QUESTIONS) if v.records
    }
    for keys in listed.values():
        assert all((ROOT / f"results/smoke/{key}.json").exists() for key in keys)


def test_claims_are_told_in_the_order_asked_for():
    studies = {"smoke": open_study("smoke", results=str(ROOT / "results"), run_missing=False)}
    lines = prose.claims(studies, "K7", "C2", "C1").splitlines()
    listed = [re.search(r"<small>(..)</small>", line)[1] for line in lines if line[0] == "-"]
    assert listed == ["K7", "C2", "C1"]


def test_what_no_study_has_measured_is_told_in_one_line(tmp_path):
    scale = replace(made_up.SCALE, families=(*made_up.SCALE.families, "taper", "sliced-weights"))
    view = made_up.fill(tmp_path, scale=scale, families=["base", "bottleneck"])
    text = prose.claims({"made-up": view}, "K19", "K3", "K17")
    (line,) = text.splitlines()
    assert line.startswith("- Not measured yet: ")
    assert re.findall(r"<small>(K\d+)</small>", line) == ["K19", "K3", "K17"]


def test_what_is_not_settled_is_told_in_one_line_where_that_is_wanted():
    smoke = open_study("smoke", results=str(ROOT / "results"), run_missing=False)
    studies = {"smoke": smoke, "mini": open_study("mini", run_missing=False)}
    asked = [f"K{n}" for n in range(1, 15)]
    by = [
        {v.claim: v.verdict for v in verdicts.judge_claims(s, QUESTIONS)} for s in studies.values()
    ]
    words = {claim: {found[claim] for found in by} for claim in asked}
    lines = prose.claims(studies, *asked, settled=True).splitlines()
    told = {}
    for line in lines:
        if line.startswith("- "):
            for claim in re.findall(r"<small>(K\d+)</small>", line):
                told[claim] = "open" if line.startswith("- Not settled: ") else "said"
    assert told == {c: "open" if words[c] == {"open"} else "said" for c in asked}
    assert set(told.values()) == {"open", "said"}


FAMILIES_OF = {claim.number: claim.families for claim in CLAIMS + QUESTIONS}


@pytest.mark.parametrize("claim", ["C1", "C2", "C3", "C4", "C5", "C9"])
def test_a_seed_that_is_not_complete_does_not_count(claim):
    study = MadeUp(clear(1))
    whole = by_claim(study)[claim]
    rows = study.networks
    behind = (rows["seed"] == 2) & (rows["budget"] == SMOKE.budgets[-1])
    study.networks = rows[~(behind & (rows["family"] == FAMILIES_OF[claim][-1]))]
    part = by_claim(study)[claim]
    assert (whole.seeds, part.seeds, part.planned) == (3, 2, 3)
    assert part.mean == pytest.approx(by_claim(MadeUp(clear(1), seeds=2))[claim].mean)
    assert "2 of 3 seeds)" in verdict_cell(part)
    assert "3 seeds)" in verdict_cell(whole)


def shifted(shift, seeds=3):
    """Pruned-and-tuned networks worse by so many points: a function of size and seed."""

    def error(family, size, seed):
        return 20 + (shift(size, seed) if family == "pruned-and-tuned" else 0)

    return by_claim(MadeUp(error, seeds))


JITTER = (-0.1, 0.1, 0.0)


def test_each_size_has_a_verdict_of_its_own():
    found = shifted(lambda size, seed: (3 if size < 10_000 else -3) + JITTER[seed])["C3"]
    assert found.verdict == "depends on the size"
    assert [at.verdict for at in found.sizes] == ["supported", "refuted", "refuted"]
    assert [at.size for at in found.sizes] == list(SMOKE.budgets)
    assert found.differ < 1e-6
    assert found.enough is None


def test_sizes_that_differ_leave_no_mean_open():
    def fading(size, seed):
        return (5 if size < 10_000 else 0) + 3 * JITTER[seed] * (-1 if size > 20_000 else 1)

    found = shifted(fading)["C3"]
    assert [at.verdict for at in found.sizes] == ["supported", "equal", "equal"]
    assert found.low > 0
    assert found.verdict == "supported"
    crossing = shifted(lambda size, seed: fading(size, seed) - 1.6 + 6 * JITTER[seed])["C3"]
    assert crossing.low < 0 < crossing.high
    assert crossing.verdict == "depends on the size"


def test_no_difference_that_matters_is_told_as_that():
    """Within 5% of 20 per cent: one point."""
    within = shifted(lambda size, seed: 0.1 + JITTER[seed])["C3"]
    assert within.verdict == "equal"
    assert within.margin == pytest.approx(1.0, abs=0.01)
    assert within.p < 0.05
    assert shifted(lambda size, seed: 0.9 + 10 * JITTER[seed])["C3"].verdict == "open"


def test_the_margin_follows_the_error():
    def verdict(level):
        def error(family, size, seed):
            return level + 0.6 * (family == "copycat") + JITTER[seed] / 10 * (family == "copycat")

        return by_claim(MadeUp(error))["C5"].verdict

    assert (verdict(20), verdict(5)) == ("supported", "refuted")


def test_a_size_counts_where_its_seeds_are_there_whatever_the_others_have():
    study = MadeUp(clear(1))
    rows = study.networks
    gone = (rows["seed"] > 0) & (rows["budget"] != SMOKE.budgets[0])
    study.networks = rows[~gone]
    found = by_claim(study)["C4"]
    assert (found.verdict, found.seeds, found.low) == ("open", 1, None)
    assert [(at.seeds, at.verdict) for at in found.sizes] == [
        (3, "supported"),
        (1, "open"),
        (1, "open"),
    ]


def test_verdicts_that_chance_would_give_among_so_many_do_not_survive():
    """One claim at p = 0.03, none of the others decided."""

    def error(family, size, seed):
        return 20 + (family == "pruned-from-scratch") * (-2.0, -3.0, -3.6)[seed]

    found = by_claim(MadeUp(error))
    assert found["C4"].verdict == "supported"
    assert 0.02 < found["C4"].p < 0.05
    assert found["C4"].survives is False
    assert found["C6"].survives is True


def test_numbers_leave_with_six_digits():
    study = open_study("smoke", run_missing=False)
    found = verdicts.judge_claims(study)
    for row, verdict in zip(verdicts.verdict_rows(found), found, strict=True):
        assert row["mean"] is None or f"{row['mean']:.6g}" == repr(row["mean"]).removesuffix(".0")
        assert row["mean"] == (verdict.mean and pytest.approx(verdict.mean, rel=1e-5))


def test_sums_of_claims_are_told_as_such():
    study = open_study("mini", results=str(ROOT / "results"), run_missing=False)
    found = {v.claim: v for v in verdicts.judge_claims(study, CLAIMS + QUESTIONS)}
    for claim, parts in IDENTITIES.items():
        total = sum(sign * found[part].mean for part, sign in parts)
        assert found[claim].mean == pytest.approx(total, abs=0.05)
        assert claim in prose.identities()


def test_the_cost_of_the_search_stands_beside_the_shape_given_free():
    study = open_study("mini", results=str(ROOT / "results"), run_missing=False)
    rows = [line for line in prose.costs({"mini": study}).splitlines() if "<small>" in line]
    found = {v.claim: v for v in verdicts.judge_claims(study, CLAIMS + QUESTIONS)}
    expected = []
    for claim in CLAIMS + QUESTIONS:
        others = (claim.counted, EQUAL_MACS.get(claim.number))
        told = [number for number in others if number and found[number].sizes]
        expected += [[claim.number, *told]] if told and found[claim.number].sizes else []
    assert [re.findall(r"<small>([CK]\d+)</small>", row) for row in rows] == expected
    assert ["C4", "K14", "K11"] in expected


@pytest.mark.parametrize("word", spending.WORTH)
def test_whether_the_work_is_worth_it_is_told_by_the_comparison_at_equal_images(monkeypatch, word):
    sizes = tuple(
        verdicts.AtSize(size, said, mean, mean, mean, 3)
        for size, said, mean in ((80_000, "supported", 2.54), (320_000, "open", -0.3))
    )
    found = replace(settled(), claim="K7", verdict=word, mean=-1.5, sizes=sizes)
    monkeypatch.setattr(spending, "leading", lambda view: (found,))
    text = prose.worth_the_work(None)
    assert text.startswith("**")
    assert ("1.5 points" in text) == (word in ("supported", "refuted"))
    assert ("beats a pruned one by 2.5 points at 80K" in text) == (word == "depends on the size")
    monkeypatch.setattr(spending, "leading", lambda view: (replace(found, mean=None),))
    assert prose.worth_the_work(None) == ""


samples = st.lists(st.integers(-300, 300).map(lambda n: n / 100), min_size=2, max_size=6)


@given(samples, st.sampled_from([(0, math.inf), (-math.inf, 0), (-1, 1), (-math.inf, 1)]))
def test_a_verdict_is_decided_where_its_probability_is_below_five_per_cent(values, ends):
    assume(len(set(values)) > 1)
    for margin in (None, 0.7):
        limits = Limits(*ends, margin)
        word = limits.word(*mean_interval(values)[1:])
        p = verdicts.probability(values, limits, word)
        assert 0 <= p <= 1
        assume(abs(p - 0.05) > 1e-9)
        assert (word == "open") == (p > 0.05)


@given(samples)
def test_probabilities_are_those_of_students_tests(values):
    assume(len(set(values)) > 1)
    ours = verdicts.probability(values, Limits(0, math.inf), "open")
    assert ours == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=1e-9)
    sides = [
        stats.ttest_1samp(values, end, alternative=side).pvalue
        for end, side in ((-1, "greater"), (1, "less"))
    ]
    equal = verdicts.probability(values, Limits(0, math.inf, 1), "equal")
    assert equal == pytest.approx(2 * max(sides), abs=1e-9)


def test_equal_values_are_sure():
    assert verdicts.probability([2.0, 2.0], Limits(0, math.inf), "supported") == 0
    assert verdicts.probability([0.0, 0.0], Limits(0, math.inf), "open") == 1
    assert verdicts.probability([2.0], Limits(0, math.inf), "open") is None
