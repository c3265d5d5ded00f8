"""What stands beside the first figure: budgets, ways on, limits, and who made this."""

from prunelib.book.prose.answer import limits
from prunelib.book.prose.networks import budgets
from prunelib.evidence.view import View

SIZES = (80_000, 150_000, 320_000)
WAYS = {
    "The answer in detail": "verdicts.html",
    "Design yours": "design.html",
    "The code": "../book/library.html",
    "The paper": "https://arxiv.org/abs/1810.04622",
}
AUTHORS = (
    "By the prunelib authors, November 2026. MIT licence. [How to cite](#who-when-and-how-to-cite)"
)


def sidebar(studies: dict[str, View]) -> str:
    """Networks for some budgets, links, limits and authors, as Markdown with a little HTML.

    Args:
        studies: the limits are those of the longest complete one.
    """
    links = "".join(f'<a href="{address}">{name}</a>' for name, address in WAYS.items())
    return "\n\n".join(
        [
            '<div class="budgets">',
            budgets(studies.values(), SIZES),
            "</div>",
            f'<p class="buttons">{links}</p>',
            '<div class="limits">',
            limits(studies),
            AUTHORS,
            "</div>",
        ]
    )
