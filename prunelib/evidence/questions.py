"""Questions of ours that explain the verdicts on the paper's claims, judged as those are."""

from prunelib.evidence import rules
from prunelib.evidence.claims import Claim
from prunelib.evidence.tables import PRUNED

QUESTIONS = (
    Claim(
        "K1",
        "Fisher saliency chooses better than chance.",
        "Fisher beats chance",
        "",
        "error of networks pruned at random and tuned minus that of pruned-and-tuned, at equal "
        "parameters, points",
        rules.by_chance,
        (PRUNED, "random-removal"),
        low=0,
    ),
    Claim(
        "K2",
        "Fisher saliency chooses better than the size of the weights.",
        "Fisher beats weight size",
        "",
        "error of networks pruned by weight size and tuned minus that of pruned-and-tuned, at "
        "equal parameters, points",
        rules.by_weights,
        (PRUNED, "l1-removal"),
        low=0,
    ),
    Claim(
        "K3",
        "The shape matters: random profiles do worse than the pruned architecture.",
        "the shape matters",
        "",
        "error of random profile minus that of the pruned architecture, both from scratch, points",
        rules.shape_matters,
        ("pruned-from-scratch", "random-profile"),
        low=0,
    ),
    Claim(
        "K4",
        "The first weights matter: the pruned architecture does better from those that the base "
        "network began with.",
        "first weights matter",
        "",
        "error of the pruned architecture from new weights minus that from its first ones, points",
        rules.initial_weights_help,
        ("pruned-from-scratch", "initial-weights"),
        low=0,
    ),
    Claim(
        "K5",
        "Retraining helps: with a whole training more, the pruned network does better.",
        "retraining helps",
        "",
        "error of pruned-and-tuned minus that of the same network retrained, which sees the images "
        "of a whole training more, points",
        rules.retraining_helps,
        (PRUNED, "retrained"),
        low=0,
    ),
    Claim(
        "K6",
        "Once its shape is known, training that from scratch for as many images beats the pruned "
        "network.",
        "its shape alone wins,<br>equal images",
        "",
        "error of pruned-and-tuned minus that of its architecture from scratch, trained for as "
        "many images as base and pruning saw, points",
        rules.beaten_by_long_scratch,
        (PRUNED, "pruned-from-scratch-long"),
        low=0,
    ),
    Claim(
        "K7",
        "A bottleneck network trained for as many images beats the pruned network.",
        "bottlenecks win,<br>equal images",
        "",
        "error of pruned-and-tuned minus that of the bottleneck network, trained for as many "
        "images as base and pruning saw, points",
        rules.beaten_by_long_bottleneck,
        (PRUNED, "bottleneck-long"),
        low=0,
    ),
    Claim(
        "K8",
        "Once its shape is known, it beats a bottleneck network, both trained for as many images "
        "as the pruned network.",
        "its shape beats bottlenecks,<br>equal images",
        "",
        "error of the bottleneck network minus that of the pruned architecture from scratch, both "
        "trained for as many images as base and pruning saw, points",
        rules.shape_wins_longer,
        ("pruned-from-scratch-long", "bottleneck-long"),
        low=0,
    ),
    Claim(
        "K9",
        "The weights that pruning leaves are worth keeping: retrained, they beat new ones in the "
        "same shape, trained for as many images.",
        "weights worth keeping",
        "",
        "error of the pruned architecture from scratch minus that of the retrained network; "
        "images: those of base, pruning and retraining; points",
        rules.weights_worth_keeping,
        ("retrained", "pruned-from-scratch-longest"),
        low=0,
    ),
    Claim(
        "K10",
        "A pruned network that is retrained beats a bottleneck network trained for as many images.",
        "retrained beats bottlenecks",
        "",
        "error of the bottleneck network minus that of the retrained network; images: those of "
        "base, pruning and retraining; points",
        rules.retrained_wins,
        ("retrained", "bottleneck-longest"),
        low=0,
    ),
    Claim(
        "K11",
        "At equal multiply-accumulates for an image, too, the pruned architecture from scratch "
        "beats a bottleneck network.",
        "its shape wins at equal MACs",
        "",
        "error of a bottleneck network with as many multiply-accumulates, read off between the "
        "measured ones, minus that of the pruned architecture from scratch, points",
        rules.shape_wins_at_equal_macs,
        ("base", "bottleneck", "pruned-from-scratch"),
        low=0,
    ),
)
