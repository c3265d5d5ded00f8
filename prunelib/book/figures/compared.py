"""Families that figures show beside each other."""

from prunelib.study import families

COMPARISONS = {
    "which channel goes": (families.PRUNED, families.RANDOM_REMOVAL, families.L1_REMOVAL),
    "weights and schedule": (
        families.PRUNED,
        families.SCRATCH,
        families.INITIAL,
        families.RETRAINED,
    ),
    "equal images": (
        families.PRUNED,
        families.SCRATCH,
        families.SCRATCH_LONG,
        families.BOTTLENECK,
        families.BOTTLENECK_LONG,
    ),
    "retraining": (
        families.PRUNED,
        families.RETRAINED,
        families.SCRATCH_LONGEST,
        families.BOTTLENECK_LONGEST,
    ),
    "FLOP penalty": (families.PRUNED, *families.PENALISED),
    "first weights": (families.SCRATCH, families.INITIAL, families.SLICED),
    "distillation": (
        families.BOTTLENECK,
        families.DISTILLED_BOTTLENECK,
        families.SCRATCH,
        families.DISTILLED_SHAPE,
    ),
    "batch-norm statistics": (families.PRUNED, families.RECALIBRATED),
}
"""Families that stand beside each other to answer one question."""

OVERVIEW = (
    *(name for name in families.MAIN if name not in (families.RANDOM_PROFILE, families.SALIENCY)),
    families.BOTTLENECK_LONG,
    families.SCRATCH_LONG,
)
"""Families of the book's first figure, both with and without equal images."""
