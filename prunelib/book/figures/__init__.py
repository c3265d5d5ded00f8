"""DataFrames in, Plotly figures out.

Every figure carries in `layout.meta` what the book writes beside it: a title, a sentence for
screen readers (`alt`) and its data, whole (`table`).
"""

from prunelib.book.figures.compared import COMPARISONS, OVERVIEW, comparison
from prunelib.book.figures.errors import AXES, error_against, of_view
from prunelib.book.figures.gaps import gaps_by_size
from prunelib.book.figures.others import published
from prunelib.book.figures.profiles import block_widths, profile_bars, profile_lines
from prunelib.book.figures.pruning import removal_cost, removals_by_block, trajectory
from prunelib.book.figures.saliency import rank_correlations, saliency_scatter
from prunelib.book.figures.shapes import shape_beside_pruned, shapes_against_macs, shapes_ranked
from prunelib.book.figures.style import STYLES
from prunelib.book.figures.training import learning_curves
from prunelib.book.figures.verdicts import differences_of_repeats, forest

__all__ = [
    "AXES",
    "COMPARISONS",
    "OVERVIEW",
    "STYLES",
    "block_widths",
    "comparison",
    "differences_of_repeats",
    "error_against",
    "forest",
    "gaps_by_size",
    "learning_curves",
    "of_view",
    "profile_bars",
    "profile_lines",
    "published",
    "rank_correlations",
    "removal_cost",
    "removals_by_block",
    "saliency_scatter",
    "shape_beside_pruned",
    "shapes_against_macs",
    "shapes_ranked",
    "trajectory",
]
