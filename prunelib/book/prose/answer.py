"""The answer to the book's question, from the verdicts."""

from prunelib.book.escape import markdown
from prunelib.book.notebook import TRIAL
from prunelib.book.prose.judgements import asked_of, claims
from prunelib.book.prose.words import length_of, listed
from prunelib.book.prose.work import lead_takes_work
from prunelib.evidence.budget import comparable_views
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.statistics import mean
from prunelib.evidence.verdicts import DEPENDS, Verdict, judge_claims
from prunelib.evidence.view import View
from prunelib.text import counted, fixed, short

LEADING = ("K7", "C1", "K8")
"""The claims that decide: small against pruned at equal images and epochs, and the shape."""
DETAILS = ("K7", "C1", "K8", "K14", "K10", "K9")

ANSWERS = {
    ("K7", "supported"): "trained on as many images as it takes to train and prune a large one, a "
    "small network beats a pruned one by {x} of test error",
    ("K7", "refuted"): "even on as many images as it takes to train and prune a large one, a "
    "small network loses to a pruned one by {x} of test error",
    ("K7", "equal"): "trained on as many images, a small network is as good as a pruned one",
    ("K7", DEPENDS): "on as many images as it takes to train and prune a large network, {sizes}",
    ("K7", "open"): "trained on as many images, a small network and a pruned one are too "
    "close to call",
    ("C1", "supported"): "The small network wins by {x} even if it trains no longer than the large "
    "one",
    ("C1", "refuted"): "If it trains only as long as the large one, pruning wins by {x}",
    ("C1", "equal"): "If it trains no longer than the large one, the two are equally good",
    ("C1", DEPENDS): "If both are trained for only as long as the large one, {sizes}",
    ("C1", "open"): "If it trains no longer than the large one, the two are too close to call",
    ("K8", "supported"): "Pruned shapes are worth copying: trained from scratch, "
    "they beat bottlenecks by {x}",
    ("K8", "refuted"): "Pruned shapes are not worth copying: trained from scratch, "
    "they lose to bottlenecks by {x}",
    ("K8", "equal"): "Pruned shapes, trained from scratch, are as good as bottlenecks",
    ("K8", DEPENDS): "Whether pruned shapes are worth copying depends on the size: trained from "
    "scratch, {sizes}",
    ("K8", "open"): "Whether pruned shapes are worth copying is not settled",
}
"""What a verdict is in the answer: `{x}` is the mean over sizes, `{sizes}` what each size says."""
RIVALS = {
    "supported": "a small network beats a pruned one by {x} at {at}",
    "refuted": "a pruned network beats a small one by {x} at {at}",
    "equal": "the two are equally good at {at}",
    "open": "the two are too close to call at {at}",
}
AT_SIZES = {
    "K7": RIVALS,
    "C1": RIVALS,
    "K8": {
        "supported": "they beat bottlenecks by {x} at {at}",
        "refuted": "they lose to bottlenecks by {x} at {at}",
        "equal": "they are as good as bottlenecks at {at}",
        "open": "it is too close to call at {at}",
    },
}
"""What is said of the sizes with one verdict: `{x}` are their means, `{at}` the sizes."""


def headline(studies: dict[str, View]) -> str:
    """The answer to the book's question in short sentences, from the longest complete study: also
    how it changes with the length of training, and what the lead of pruned shapes takes."""
    view = longest_complete(studies)
    if view is None:
        return "Nothing is measured yet that could tell."
    found = leading(view)
    first, second, third = worth_pruning(*found)
    told = first, with_less_training(studies) or second, third, lead_takes_work(view, found[2])
    return " ".join(filter(None, told))


def leading(view: View) -> tuple[Verdict, ...]:
    """The verdicts that the answer rests on, in the order of `LEADING`."""
    by = {v.claim: v for v in judge_claims(view, CLAIMS + QUESTIONS)}
    return tuple(by[claim] for claim in LEADING)


def full(verdict: Verdict) -> bool:
    """Whether all of its seeds are there, at all sizes."""
    return verdict.mean is not None and verdict.seeds >= verdict.planned


def is_complete(view: View) -> bool:
    """Whether nothing is missing of what the answer rests on; controls may be."""
    return all(full(verdict) for verdict in leading(view))


def longest_complete(studies: dict[str, View]) -> View | None:
    """The study of the longest training in which nothing is missing that the answer needs.

    Without a complete one, the longest of those that have something to say; the trial scale counts
    only where there is no other.
    """
    found = [v for v in studies.values() if any(said.mean is not None for said in leading(v))]

    def rank(view: View) -> tuple:
        return view.scale.name != TRIAL, is_complete(view), view.scale.train.epochs

    return max(found, key=rank, default=None)


def worth_pruning(images: Verdict, epochs: Verdict, shape: Verdict) -> tuple[str, str, str]:
    """Is it worth pruning a network? Three sentences: what K7, C1 and K8 say to that.

    Equal images decide, for with equal epochs the pruned network has seen more: to win with fewer
    is a stronger win, to lose with fewer tells nothing.
    """
    seen = {images.verdict, epochs.verdict}
    if "supported" in seen and images.verdict != "refuted":
        first = "**No**"
    elif images.verdict == "refuted" and epochs.verdict != "supported":
        first = "**Yes**"
    elif images.verdict == DEPENDS:
        first = "**It depends on the size**"
    else:
        first = "**It is open**"
    decides = images if images.verdict in ("supported", "refuted") else epochs
    first = hedged(first, decides)
    one, two, three = (answer_phrase(v) for v in (images, epochs, shape))
    return f"{first}: {one}.", f"{two}.", f"{three}."


def hedged(word: str, verdict: Verdict) -> str:
    """An answer, with a doubt if its verdict would not stand among so many."""
    doubts = {"**No**": "**Probably not**", "**Yes**": "**Probably**"}
    return doubts.get(word, word) if verdict.survives is False else word


def answer_phrase(verdict: Verdict) -> str:
    """What a verdict is in the answer."""
    if verdict.mean is None:
        return ANSWERS[verdict.claim, "open"]
    x, sizes = f"{fixed(abs(verdict.mean), 1)} points", told_by_size(verdict)
    phrase = ANSWERS[verdict.claim, verdict.verdict]
    mixed = not_at_all_sizes(verdict) if phrase.endswith(("{x}", "{x} of test error")) else ""
    return phrase.format(x=x, sizes=sizes) + mixed


def not_at_all_sizes(verdict: Verdict) -> str:
    """What holds at which size, where a verdict on the mean does not hold at each; else empty."""
    found = by_verdict(verdict)
    if found.keys() <= {verdict.verdict}:
        return ""
    words = {"open": "undecided", "equal": "hardly any difference"}
    parts = [f"{words.get(word, amounts)} at {sizes}" for word, (amounts, sizes) in found.items()]
    return f" on average: {', '.join(parts)}"


def told_by_size(verdict: Verdict) -> str:
    """What is said at which sizes, smallest first; sizes with one verdict are told together."""
    parts = [
        AT_SIZES[verdict.claim][word].format(x=f"{amounts} points", at=sizes)
        for word, (amounts, sizes) in by_verdict(verdict).items()
    ]
    return ", and ".join([", ".join(parts[:-1]), *parts[-1:]] if parts[1:] else parts)


def by_verdict(verdict: Verdict) -> dict[str, tuple[str, str]]:
    """By what is said at a size: the means and the sizes of which it is said, as lists in words."""
    groups: dict[str, dict[int, float]] = {}
    for at in verdict.sizes:
        if at.mean is not None:
            groups.setdefault(at.verdict, {})[at.size] = at.mean
    return {
        word: (
            listed([fixed(abs(x), 1) for x in means.values()]),
            listed([short(size) for size in means]) + " parameters" * (not i),
        )
        for i, (word, means) in enumerate(groups.items())
    }


def tally(studies: dict[str, View]) -> str:
    """How many of the paper's claims hold, in the longest complete study; one sentence."""
    view = longest_complete(studies)
    if view is None:
        return "Nothing is measured yet that could tell."
    found = [
        v.verdict if v.sizes else "missing" if asked_of(view, v, claim) else "unasked"
        for claim, v in zip(CLAIMS, judge_claims(view, CLAIMS), strict=True)
    ]
    holds, *others = (
        f"{found.count(word)} {forms[found.count(word) != 1]}"
        for word, forms in TALLIED.items()
        if word == "supported" or word in found
    )
    count, _, verb = holds.partition(" ")
    first = f"**{count} of the paper's {counted(len(found), 'claim')} {verb}**"
    return f"At {markdown(view.scale.name)} ({length_of(view)}), {listed([first, *others])}."


TALLIED = {
    "supported": ("holds", "hold"),
    "refuted": ("does not", "do not"),
    "equal": ("comes out equal", "come out equal"),
    DEPENDS: ("depends on the size", "depend on the size"),
    "open": ("is open", "are open"),
    "missing": ("has not been measured", "have not been measured"),
    "unasked": ("is not asked there", "are not asked there"),
}
"""What is said of one claim with a verdict, and of several."""


def limits(studies: dict[str, View]) -> str:
    """In one line: on which data, which network and which training the answer rests."""
    view = longest_complete(studies)
    if view is None:
        return ""
    size = short(view.scale.shape.params(view.scale.base))
    return (
        f"Measured at scale {markdown(view.scale.name)}: {markdown(view.setting)}, "
        f"{counted(view.scale.seeds, 'seed')}; the base network has {size} parameters. The paper "
        "trains for 200 epochs at 32×32 pixels. Points are percentage points of test error, "
        "averaged over sizes."
    )


def details(studies: dict[str, View]) -> str:
    """The verdicts behind the answer, each with its interval, as a Markdown list."""
    return claims(readers(studies), *DETAILS)


def readers(studies: dict[str, View]) -> dict[str, View]:
    """The studies that readers are shown: the trial scale only where there is no other."""
    shown = {name: view for name, view in studies.items() if name != TRIAL}
    return shown or studies


def trend(studies: dict[str, View]) -> str:
    """How the lead of small networks changes with the length of training; empty for one length."""
    sizes, leads = leads_by_length(studies)
    if len(leads) < 2:
        return ""
    (epochs, points), *others = leads.items()
    first = f"{lead(points)} if the large one is trained for {epochs} epochs"
    parts = [first, *(f"{lead(points)} for {epochs}" for epochs, points in others)]
    at = f"{' averaged over' if sizes[1:] else ' at'} {listed([short(size) for size in sizes])}"
    return f"At equal images,{at} parameters, the small network is {listed(parts)}."


def with_less_training(studies: dict[str, View]) -> str:
    """The lead of small networks with the shortest training, beside that of the answer; empty for
    one length.
    """
    sizes, leads = leads_by_length(studies)
    view = longest_complete(studies)
    if view is None or len(leads) < 2:
        return ""
    same = [at.size for at in leading(view)[0].sizes if at.mean is not None] == sizes
    where = "" if same else f" at {listed([short(size) for size in sizes])} parameters"
    (epochs, points), *_, (longest, _) = leads.items()
    return f"With {epochs} epochs instead of {longest}, it is {lead(points)}{where}."


def lead_in_short(studies: dict[str, View]) -> str:
    """In a few words, what longer training does to the lead at equal images."""
    leads = list(leads_by_length(studies)[1].values())
    if len(leads) < 2:
        return ""
    first, last = leads[0], leads[-1]
    who = "small networks" if first >= 0 else "pruned networks"
    how = "shrinks" if abs(last) < abs(first) else "grows"
    what = f"The lead of {who} {how}" if first * last > 0 else "The lead changes sides"
    return f"**{what}.** "


def leads_by_length(studies: dict[str, View]) -> tuple[list[int], dict[int, float]]:
    """Sizes, and by epochs the lead of small networks, in points: the mean over these sizes.

    Studies stand beside each other whose data and base network are those of the answer, and in
    which nothing is missing; the sizes are those that all of them have.
    """
    answer = longest_complete(studies)
    if answer is None:
        return [], {}
    alike = comparable_views([answer, *(view for view in studies.values() if view is not answer)])
    lengths = sorted(filter(is_complete, alike), key=lambda view: view.scale.train.epochs)
    leads = [
        {at.size: at.mean for at in leading(view)[0].sizes if at.mean is not None}
        for view in lengths
    ]
    sizes = sorted(set.intersection(*map(set, leads))) if leads else []
    if not sizes:
        return [], {}
    means = (float(mean(own[size] for size in sizes)) for own in leads)
    return sizes, {v.scale.train.epochs: x for v, x in zip(lengths, means, strict=True)}


def lead(points: float) -> str:
    """Better or worse, and by how much."""
    return f"{fixed(abs(points), 1)} points {'better' if points >= 0 else 'worse'}"
