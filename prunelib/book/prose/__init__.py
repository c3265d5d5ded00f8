"""What the book says in words: views of the records and verdicts in, Markdown out."""

from prunelib.book.prose.agreement import made_twice
from prunelib.book.prose.answer import headline
from prunelib.book.prose.experiments import base, cost, pruned, saliency, shape, simple
from prunelib.book.prose.judgements import claims, costs, identities, reasons, sources, table
from prunelib.book.prose.networks import designs

__all__ = [
    "base",
    "claims",
    "cost",
    "costs",
    "designs",
    "headline",
    "identities",
    "made_twice",
    "pruned",
    "reasons",
    "saliency",
    "shape",
    "simple",
    "sources",
    "table",
]
