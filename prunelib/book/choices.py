"""One figure for each choice a reader has: a scale, an axis.

A page of the book shows a row of buttons for every question that has more than one answer. A live
notebook shows the first choice; there, parameters choose.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import plotly.graph_objects as go

from prunelib.book.figures.static import svg
from prunelib.errors import Missing, PrunelibError
from prunelib.evidence.view import View, by_length

MIME = "application/vnd.prunelib.choices+json"
PLOTLY_MIME = "application/vnd.plotly.v1+json"


@dataclass(frozen=True)
class Choices:
    """Figures by the answers to some questions.

    Args:
        questions: each with its possible answers, in the order of their buttons.
        figures: by one answer for each question, the one to begin with first; combinations may be
            left out.
    """

    questions: dict[str, tuple[str, ...]]
    figures: Mapping[tuple[str, ...], go.Figure]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        plain = {answers: figure.to_plotly_json() for answers, figure in self.figures.items()}
        first = dict(next(iter(plain.values())))
        first["layout"] = first["layout"] | {
            "meta": first["layout"]["meta"] | {"one_of": len(plain)}
        }
        figures = [{"answers": answers, "figure": figure} for answers, figure in plain.items()]
        return {
            MIME: {"questions": self.questions, "figures": figures},
            PLOTLY_MIME: first,
            "image/svg+xml": svg(first),
            "text/plain": repr(self),
        }

    def also(self, answer: str, figure: go.Figure) -> "Choices":
        """With one more answer to the first question, at those to the others to begin with."""
        first, *others = self.questions.items()
        key = (answer, *next(iter(self.figures))[1:])
        questions = {first[0]: (*first[1], answer)} | dict(others)
        return Choices(questions, {**self.figures, key: figure})

    def __repr__(self) -> str:
        asked = "; ".join(f"{name}: {', '.join(a)}" for name, a in self.questions.items())
        return f"Choices({asked})"


def by_scale(
    studies: dict[str, View],
    draw: Callable[..., go.Figure],
    **questions: dict[str, str],
) -> Choices:
    """A figure for every scale that has records of it, and for every further answer that has some.

    Args:
        studies: of `notebook.open_studies`: the one to begin with first.
        draw: records, and an argument for each question, to a figure; raises `Missing` where
            there are no records to draw.
        questions: further questions, each a dictionary from answers, as readers see them, to
            what `draw` is given.

    Raises:
        PrunelibError: no scale has the records.
    """
    figures: dict[tuple[str, ...], go.Figure] = {}
    for name, records in studies.items():
        for answers in product(*questions.values()):
            given = {q: told[a] for (q, told), a in zip(questions.items(), answers, strict=True)}
            try:
                figure = draw(records, **given)
            except Missing:
                continue
            told = {"scale": name, "source": records.provenance()}
            figure.update_layout(meta=figure.layout.meta | told)
            figures[(name, *answers)] = figure
    if not figures:
        raise PrunelibError(
            "there are no records of this at any scale; make them with: prunelib study "
            f"{next(iter(studies))}"
        )
    shown = tuple(name for name in by_length(studies) if any(key[0] == name for key in figures))
    asked = {
        question.replace("_", " "): tuple(a for a in answers if any(key[i] == a for key in figures))
        for i, (question, answers) in enumerate(questions.items(), 1)
    }
    return Choices({"scale": shown} | asked, figures)
