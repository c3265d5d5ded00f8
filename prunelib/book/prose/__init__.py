"""What the book says in words: views of the records and verdicts in, Markdown out."""

from prunelib.book.prose.answer import details, headline, limits, longest_complete, readers, trend
from prunelib.book.prose.expected import same_images, two_hundred
from prunelib.book.prose.experiments import base, cost, pruned, saliency, shape, simple
from prunelib.book.prose.judgements import (
    claims,
    costs,
    identities,
    measured,
    reasons,
    sources,
    table,
)
from prunelib.book.prose.length import (
    against_length,
    coverage,
    long_enough,
    still_learning,
    work,
)
from prunelib.book.prose.networks import budgets, designs, to_take
from prunelib.book.prose.opening import beside
from prunelib.book.prose.paper import figure_one
from prunelib.book.prose.repeats import made_twice
from prunelib.book.prose.words import folded, provenance

__all__ = [
    "against_length",
    "base",
    "beside",
    "budgets",
    "claims",
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
    "measured",
    "provenance",
    "pruned",
    "readers",
    "reasons",
    "saliency",
    "same_images",
    "shape",
    "simple",
    "sources",
    "still_learning",
    "table",
    "to_take",
    "trend",
    "two_hundred",
    "work",
]
