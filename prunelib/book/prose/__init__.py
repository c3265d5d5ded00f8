"""What the book says in words: views of the records and verdicts in, Markdown out."""

from prunelib.book.prose.answer import (
    details,
    headline,
    limits,
    longest_complete,
    readers,
    tally,
    trend,
)
from prunelib.book.prose.claims_by_length import against_length
from prunelib.book.prose.expected import same_images, two_hundred
from prunelib.book.prose.experiments import (
    base,
    prunable_by_length,
    prunable_share,
    saliency,
    seeds_agree,
    shape,
    simple,
)
from prunelib.book.prose.explained import reasons
from prunelib.book.prose.judgements import (
    claims,
    claims_table,
    identities,
    sources,
    statistics_list,
)
from prunelib.book.prose.length import compute_times, coverage, long_enough, still_learning
from prunelib.book.prose.networks import budgets, designs, to_take
from prunelib.book.prose.opening import sidebar
from prunelib.book.prose.paper import figure_one
from prunelib.book.prose.repeats import made_twice
from prunelib.book.prose.shapes import shapes_at, without_pruning, work_of_shapes
from prunelib.book.prose.spending import cost, costs, search_pays, worth_the_work
from prunelib.book.prose.words import folded, provenance
from prunelib.book.prose.work import straight_line

__all__ = [
    "against_length",
    "base",
    "budgets",
    "claims",
    "claims_table",
    "compute_times",
    "cost",
    "costs",
    "coverage",
    "designs",
    "details",
    "figure_one",
    "folded",
    "headline",
    "identities",
    "limits",
    "long_enough",
    "longest_complete",
    "made_twice",
    "provenance",
    "prunable_by_length",
    "prunable_share",
    "readers",
    "reasons",
    "saliency",
    "same_images",
    "search_pays",
    "seeds_agree",
    "shape",
    "shapes_at",
    "sidebar",
    "simple",
    "sources",
    "statistics_list",
    "still_learning",
    "straight_line",
    "tally",
    "to_take",
    "trend",
    "two_hundred",
    "without_pruning",
    "work_of_shapes",
    "worth_the_work",
]
