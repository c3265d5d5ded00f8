"""Families that figures show beside each other."""

from prunelib.study.families import (
    BOTTLENECK,
    BOTTLENECK_LONG,
    BOTTLENECK_LONGEST,
    DISTILLED_BOTTLENECK,
    DISTILLED_SHAPE,
    INITIAL,
    L1_REMOVAL,
    L1_SHAPE,
    MAIN,
    PENALISED,
    PRUNED,
    RANDOM_PROFILE,
    RANDOM_REMOVAL,
    RANDOM_SHAPE,
    RECALIBRATED,
    REDUCED_DEPTH,
    RETRAINED,
    SALIENCY,
    SCRATCH,
    SCRATCH_LONG,
    SCRATCH_LONGEST,
    SEARCHED_SHORT,
    SLICED,
    SNIP_SHAPE,
    TAPER,
    UNTRAINED_SHAPE,
)

COMPARISONS = {
    "which channel goes": (PRUNED, RANDOM_REMOVAL, L1_REMOVAL),
    "weights and schedule": (PRUNED, SCRATCH, INITIAL, RETRAINED),
    "equal images": (
        PRUNED,
        SCRATCH,
        SCRATCH_LONG,
        BOTTLENECK,
        BOTTLENECK_LONG,
    ),
    "retraining": (PRUNED, RETRAINED, SCRATCH_LONGEST, BOTTLENECK_LONGEST),
    "FLOP penalty": (PRUNED, *PENALISED),
    "what a shape is worth": (
        SCRATCH,
        BOTTLENECK,
        SLICED,
        TAPER,
        REDUCED_DEPTH,
    ),
    "how a shape is found": (
        SCRATCH,
        L1_SHAPE,
        RANDOM_SHAPE,
        SNIP_SHAPE,
        UNTRAINED_SHAPE,
        SEARCHED_SHORT,
    ),
    "distillation": (
        BOTTLENECK,
        DISTILLED_BOTTLENECK,
        SCRATCH,
        DISTILLED_SHAPE,
    ),
    "batch-norm statistics": (PRUNED, RECALIBRATED),
}
"""Families that stand beside each other to answer one question."""

OVERVIEW = (
    *(name for name in MAIN if name not in (RANDOM_PROFILE, SALIENCY)),
    BOTTLENECK_LONG,
    SCRATCH_LONG,
)
"""Families of the book's first figure, both with and without equal images."""
