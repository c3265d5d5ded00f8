"""The verdicts of `mini` from its JSON files alone, by the definitions that the book prints.

`python tests/support/recompute.py` prints them. It uses nothing of `prunelib`, so that a fault of
the library does not hide behind itself: families are told from what each run was asked, and every
statistic is written down a second time, in floating point.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import stats

FOLDER = Path(__file__).parents[2] / "results" / "mini"
BUDGETS = (80_000, 200_000, 320_000, 440_000)
DEPTH, WIDTH, EPOCHS = 40, 1.0, 10
FULL = (16,) * 6 + (32,) * 6 + (64,) * 6
COPIED = round(500 / 1344 * sum(FULL))
PENALTIES = (0.01, 0.03, 0.1)


def scaled_from(source, middle) -> bool:
    """Whether one factor makes a profile of another: rounded half up, from 1 to the full width."""
    low, high = 0.0, np.inf
    for a, b, full in zip(source, middle, FULL, strict=True):
        if b > 1:
            low = max(low, (b - 0.5) / a)
        if b < full:
            high = min(high, (b + 0.5) / a)
    return low < high


def left(points, removals) -> tuple[int, ...]:
    """The profile after so many removals."""
    middle = list(FULL)
    for block in points["block"][:removals]:
        middle[block - 1] -= 1
    return tuple(middle)


def drawn(seed) -> list[int]:
    """A share drawn uniformly for each block."""
    random = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    return [max(1, round(random.uniform() * width)) for width in FULL]


def walk_name(protocol) -> str:
    """The family of a pruning run."""
    if protocol["criterion"] != "fisher":
        return protocol["criterion"]
    return f"penalty {protocol['flop_penalty']}" if protocol["flop_penalty"] else "pruned"


def read(folder):
    """The walks by (family, seed), and networks by (family, budget, seed)."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    walks = {
        (walk_name(r["spec"]["protocol"]), r["spec"]["seed"]): r["outcome"]["points"]
        for r in records
        if r["spec"]["kind"] == "prune" and not r["spec"].get("start")
    }
    networks, longer = {}, defaultdict(list)
    for record in records:
        spec, outcome = record["spec"], record["outcome"]
        if spec["kind"] != "train" or spec["profile"]["depth"] != DEPTH:
            continue
        budget = next((b for b in BUDGETS if outcome["params"] <= b), None)
        for family in families(spec, budget, walks):
            if spec["protocol"]["epochs"] > EPOCHS:
                epochs = spec["protocol"]["epochs"]
                longer[family, budget, spec["seed"]].append((epochs, outcome))
            else:
                networks[family, budget, spec["seed"]] = outcome
    for (family, budget, seed), runs in longer.items():
        for name, (_, outcome) in zip(
            ("long", "longest"), sorted(runs, key=lambda r: r[0]), strict=False
        ):
            networks[f"{family} {name}", budget, seed] = outcome
    return walks, networks


def families(spec, budget, walks) -> list[str]:
    """What a training run is, told from its spec; a network may be of two families."""
    middle, width, seed = tuple(spec["profile"]["middle"]), spec["profile"]["width"], spec["seed"]
    start, usual = spec.get("start"), spec["protocol"]["epochs"] == EPOCHS
    if (start and not usual) or spec.get("teacher"):
        return []
    if start:
        names = {"tuned": "retrained", "initial": "first weights"}
        return [names[start["weights"]]] if start["weights"] in names else []
    if middle == FULL and width == WIDTH:
        return ["base"] if usual else []
    if budget is None:
        return []
    if width != WIDTH:
        return ["reduced"]
    points, found = walks["pruned", seed], []
    if middle == left(points, reached(points, budget)):
        found.append("shape")
    if scaled_from(FULL, middle):
        found.append("bottleneck")
    if usual and scaled_from(left(points, COPIED), middle):
        found.append("copycat")
    if usual and scaled_from(drawn(seed), middle):
        found.append("random profile")
    return found


def reached(points, budget) -> int:
    """Removals until at most so many parameters are left."""
    return next(i for i, params in enumerate(points["params"]) if params <= budget)


def error_on(points, axis, at):
    """The error of a pruning run at a size, read off between measured points; None outside."""
    known = sorted(
        (x, e) for x, e in zip(points[axis], points["error"], strict=True) if e is not None
    )
    sizes, errors = zip(*known, strict=True)
    return float(np.interp(at, sizes, errors)) if sizes[0] <= at <= sizes[-1] else None


class Study:
    """Values of one scale, by budget and then by seed."""

    def __init__(self, folder=FOLDER):
        self.walks, self.networks = read(folder)

    def of(self, family, name="error"):
        return {
            b: {s: o[name] for (f, at, s), o in self.networks.items() if (f, at) == (family, b)}
            for b in BUDGETS
        }

    def pruned(self, family="pruned"):
        found = {b: {} for b in BUDGETS}
        for (name, seed), points in self.walks.items():
            for b in BUDGETS if name == family else ():
                error = error_on(points, "params", points["params"][reached(points, b)])
                if error is not None:
                    found[b][seed] = error
        return found

    def beats(self, better, *others):
        return joined([self.of(better), *map(self.of, others)], lambda x, *y: np.mean(y) - x)

    def beaten_by(self, *families):
        parts = []
        for family in families:
            sizes, errors = self.of(family, "params"), self.of(family)
            parts.append(
                {
                    b: {
                        s: tuned - errors[b][s]
                        for s in errors[b]
                        if (tuned := error_on(self.walks["pruned", s], "params", sizes[b][s]))
                        is not None
                    }
                    for b in BUDGETS
                }
            )
        return joined(parts, lambda *x: np.mean(x))

    def walked(self, family, axis="params"):
        found, plain = {b: {} for b in BUDGETS}, self.pruned()
        for (name, seed), points in self.walks.items():
            ours = self.walks.get(("pruned", seed))
            for b in BUDGETS if name == family and ours else ():
                other = error_on(points, axis, ours[axis][reached(ours, b)])
                if other is not None:
                    found[b][seed] = other - plain[b][seed]
        return found

    def growth(self):
        """C2: least squares of the gaps of both simple families on the halvings."""
        seeds = {s for _, _, s in self.networks}
        found = {}
        for seed in seeds:
            points = [
                (-np.log2(self.networks[f, b, seed]["params"]), self.beaten_by(f)[b][seed])
                for f in ("reduced", "bottleneck")
                for b in BUDGETS
            ]
            found[seed] = stats.linregress(*zip(*points, strict=True)).slope
        return {BUDGETS[0]: found}

    def profiles(self, statistic):
        return {
            b: {
                s: statistic(np.array(left(p, reached(p, b))) / FULL)
                for (f, s), p in self.walks.items()
                if f == "pruned"
            }
            for b in BUDGETS
        }

    def kept_shape(self):
        return {
            BUDGETS[0]: {
                s: stats.spearmanr(
                    np.array(left(p, COPIED)) / FULL,
                    np.array(left(p, reached(p, BUDGETS[0]))) / FULL,
                ).statistic
                for (f, s), p in self.walks.items()
                if f == "pruned"
            }
        }

    def cost(self):
        def ratio(family):
            own, sizes = self.of(family, "training_macs"), self.of(family, "params")
            found = {}
            for b in BUDGETS:
                found[b] = {}
                for s, macs in own[b].items():
                    p = self.walks["pruned", s]
                    steps = zip(p["params"], p["macs"], p["images"], strict=True)
                    spent = sum(3 * m * n for size, m, n in steps if size >= sizes[b][s])
                    found[b][s] = (self.networks["base", None, s]["training_macs"] + spent) / macs
            return found

        return joined([ratio("reduced"), ratio("bottleneck")], lambda *x: np.mean(x))

    def penalties(self):
        names = [f"penalty {p}" for p in PENALTIES]
        params = joined([self.walked(n) for n in names], lambda *x: max(x, key=abs))
        macs = [self.walked(n, "macs") for n in names]
        return {
            b: {s: max([x, *(m[b][s] for m in macs if s in m[b])], key=abs) for s, x in at.items()}
            for b, at in params.items()
        }

    def equal_macs(self):
        found, macs, errors = {b: {} for b in BUDGETS}, self.of("shape", "macs"), self.of("shape")
        for b in BUDGETS:
            for s, at in macs[b].items():
                line = [self.networks.get(("bottleneck", x, s)) for x in BUDGETS]
                line = sorted(
                    (o["macs"], o["error"]) for o in [*line, self.networks["base", None, s]]
                )
                xs, ys = zip(*line, strict=True)
                if xs[0] <= at <= xs[-1]:
                    found[b][s] = np.interp(at, xs, ys) - errors[b][s]
        return found


def joined(parts, how):
    """Where all parts have a value: what `how` makes of them."""
    return {
        b: {
            s: how(*(p[b][s] for p in parts)) for s in set.intersection(*(set(p[b]) for p in parts))
        }
        for b in BUDGETS
    }


def strided(shares) -> float:
    """Share left in blocks 7 and 13 minus that in the blocks behind them, percentage points."""
    return 100 * np.mean([shares[n - 1] - np.mean(shares[n : n + 5]) for n in (7, 13)])


def statistics(study):
    """Every claim's values by budget and seed, its limits, families whose error gives a margin."""
    simple, inf = ("reduced", "bottleneck"), np.inf
    shape, above = "shape", (0, inf)
    blocks = np.arange(18)
    rank = lambda shares: stats.spearmanr(blocks, shares).statistic  # noqa: E731
    beats, by = study.beats, study.beaten_by
    long, longest = "shape long", "shape longest"
    return {
        "C1": (by(*simple), above, ("pruned", *simple)),
        "C2": (study.growth(), above, None),
        "C3": (by(shape), above, ("pruned", shape)),
        "C4": (beats(shape, *simple), above, (shape, *simple)),
        "C5": (beats(shape, "copycat"), "equal", (shape, "copycat")),
        "C6": (study.profiles(rank), (-inf, 0), None),
        "C7": (study.profiles(strided), above, None),
        "C8": (study.kept_shape(), (0.5, inf), None),
        "C9": (study.cost(), (1, inf), None),
        "C10": (study.penalties(), "equal", ("pruned", *(f"penalty {p}" for p in PENALTIES))),
        "K1": (study.walked("random"), above, ("pruned", "random")),
        "K2": (study.walked("l1"), above, ("pruned", "l1")),
        "K3": (beats(shape, "random profile"), above, (shape, "random profile")),
        "K4": (beats("first weights", shape), above, (shape, "first weights")),
        "K5": (by("retrained"), above, ("pruned", "retrained")),
        "K6": (by(long), above, ("pruned", long)),
        "K7": (by("bottleneck long"), above, ("pruned", "bottleneck long")),
        "K8": (beats(long, "bottleneck long"), above, (long, "bottleneck long")),
        "K9": (beats("retrained", longest), above, ("retrained", longest)),
        "K10": (
            beats("retrained", "bottleneck longest"),
            above,
            ("retrained", "bottleneck longest"),
        ),
        "K11": (study.equal_macs(), above, ("bottleneck", shape)),
        "K12": (beats(longest, "bottleneck longest"), above, (longest, "bottleneck longest")),
        "K13": (beats("retrained", shape), above, ("retrained", shape)),
        "K14": (beats(shape, "bottleneck longest"), above, (shape, "bottleneck longest")),
    }


def margin(study, names, values, budget=None):
    """5% of the mean error of the networks compared, of the seeds that have a value."""
    walks = {"pruned", "random", "l1", *(f"penalty {p}" for p in PENALTIES)}
    errors = [
        error
        for name in names
        for b, at in (study.pruned(name) if name in walks else study.of(name)).items()
        for seed, error in at.items()
        if seed in values[b] and budget in (None, b)
    ]
    return 0.05 * np.mean(errors)


def word(interval, limits, equal):
    """What an interval says of a claim."""
    low, high = interval
    if limits[0] < low and high < limits[1]:
        return "supported"
    if high < limits[0] or low > limits[1]:
        return "refuted"
    return "equal" if equal and -equal < low and high < equal else "open"


def pooled(values):
    """Standard deviation of one value over all sizes, and its degrees of freedom."""
    rows = np.array([[at[s] for s in sorted(at)] for at in values.values()])
    sizes, seeds = rows.shape
    apart = rows - rows.mean(1, keepdims=True)
    variance = (apart**2).sum() / sizes / (seeds - 1)
    pairs = [np.dot(a, b) for i, a in enumerate(apart) for j, b in enumerate(apart) if i != j]
    alike = min(1, (np.mean(pairs) / (seeds - 1) / variance) ** 2) if pairs else 0
    return np.sqrt(variance), sizes * (seeds - 1) / (1 + (sizes - 1) * alike)


def judged(study, values, limits, names):
    """Mean, interval, word, and the same by size, of one claim."""
    values = {b: at for b, at in values.items() if at}
    seeds = sorted(set.intersection(*(set(at) for at in values.values())))
    means = np.array([np.mean([at[s] for at in values.values()]) for s in seeds])
    found = {"mean": means.mean(), "seeds": len(seeds), "sizes": {}}
    if len(seeds) < 2:
        return found | {"verdict": "open"}

    def at(budget=None):
        equal = margin(study, names, values, budget) if names else None
        return ((-equal, equal) if limits == "equal" else limits), equal

    spread, freedom = pooled(values)
    for b, row in values.items():
        reach = stats.t.ppf(1 - 0.025 / len(values), freedom) * spread / np.sqrt(len(row))
        middle = np.mean(list(row.values()))
        ends = middle - reach, middle + reach
        found["sizes"][b] = {"mean": middle, "interval": ends, "verdict": word(ends, *at(b))}
    half = stats.t.ppf(0.975, len(seeds) - 1) * means.std(ddof=1) / np.sqrt(len(seeds))
    ends = means.mean() - half, means.mean() + half
    said = word(ends, *at())
    decided = {row["verdict"] for row in found["sizes"].values()} & {"supported", "refuted"}
    unlike = len(values) > 1 and size_effect(values) < 0.05
    if len(decided) == 2 or (said == "open" and decided and unlike):
        said = "depends on the size"
    return found | {"interval": ends, "verdict": said}


def size_effect(values) -> float:
    """Two-way analysis of variance without repetition: the probability of the sizes' F."""
    x = np.array([[at[s] for s in sorted(at)] for at in values.values()])
    sizes, seeds = x.shape
    between = seeds * x.mean(1).var() * sizes / (sizes - 1)
    rest = x - x.mean(1, keepdims=True) - x.mean(0) + x.mean()
    rest = (rest**2).sum() / (sizes - 1) / (seeds - 1)
    return stats.f.sf(between / rest, sizes - 1, (sizes - 1) * (seeds - 1))


def recomputed(folder=FOLDER) -> dict:
    """All claims; see `judged`."""
    study = Study(folder)
    return {claim: judged(study, *how) for claim, how in statistics(study).items()}


if __name__ == "__main__":
    for claim, found in recomputed(Path(sys.argv[1]) if sys.argv[1:] else FOLDER).items():
        print(f"{claim:<5}{found['verdict']:<21}{found['mean']:+.6f}", *found.get("interval", ()))
