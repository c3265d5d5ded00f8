"""Terms of the glossary, with their meaning where one points at them.

The first time that a page has a term in its running text, it becomes a link to the glossary whose
title is the definition.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx

LEFT_ALONE = (
    nodes.literal,
    nodes.reference,
    nodes.title,
    nodes.term,
    nodes.thead,
    nodes.math,
    nodes.raw,
    nodes.field_list,
)
"""No term is looked for within these."""
PARENTHESES = re.compile(r"(.*) \((.*)\)")


class Meaning(NamedTuple):
    """Where a term is explained: the page, the anchor on it, and the text."""

    page: str
    anchor: str
    text: str


def glossary(app: Sphinx) -> dict[str, Meaning]:
    """What each spelling of a term means; spellings are in small letters and in the singular."""
    objects = app.env.get_domain("std").get_objects()
    pages = {anchor: page for _, _, kind, page, anchor, _ in objects if kind == "term"}
    found: dict[str, Meaning] = {}
    for page in sorted(set(pages.values())):
        for term in app.env.get_doctree(page).findall(nodes.term):
            text = " ".join(term.parent[-1].astext().split())
            for anchor in set(term["ids"]) & set(pages):
                found |= dict.fromkeys(spellings(term.astext()), Meaning(page, anchor, text))
    return found


def spellings(term: str) -> list[str]:
    """How a term of the glossary is written in a text.

    >>> spellings("Multiply-accumulate (MAC)"), spellings("Equal epochs, equal images")
    (['multiply-accumulate', 'mac'], ['equal epochs', 'equal images'])
    """
    match = PARENTHESES.fullmatch(term)
    return [name.lower() for name in (match.groups() if match else term.split(", "))]


def singular_and_plural(name: str) -> list[str]:
    """A spelling in the singular and in the plural."""
    return [name, f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"]


def finder(names: Iterable[str]) -> re.Pattern:
    """Finds whole words; the longest of several.

    >>> finder(["seed", "seeds"]).findall("Seeds are no seedlings; re-seed")
    ['Seeds']
    """
    ordered = sorted(names, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, ordered))})(?![\w-])", re.IGNORECASE)


def explain(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the first use of each term on a page, with its definition as the link's title."""
    known = {
        form: told for name, told in glossary(app).items() for form in singular_and_plural(name)
    }
    if not known:
        return
    find = finder(known)
    done = {told.anchor for told in known.values() if told.page == page}
    for text in list(doctree.findall(nodes.Text)):
        if not inside(text, LEFT_ALONE) and inside(text, (nodes.paragraph,)):
            parts, end, whole = [], 0, text.astext()
            for match in find.finditer(whole):
                told = known[match[0].lower()]
                if told.anchor not in done:
                    done.add(told.anchor)
                    address = f"{app.builder.get_relative_uri(page, told.page)}#{told.anchor}"
                    parts += [nodes.Text(whole[end : match.start()]), link(match[0], address, told)]
                    end = match.end()
            if parts:
                text.parent.replace(text, [*parts, nodes.Text(whole[end:])])


def link(text: str, address: str, told: Meaning) -> nodes.reference:
    """A link to a term's explanation, which shows when one points at it."""
    return nodes.reference(
        "", text, internal=True, refuri=address, reftitle=told.text, classes=["term"]
    )


def inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    """Whether a node lies within one of these kinds."""
    above = node.parent
    while above is not None and not isinstance(above, kinds):
        above = above.parent
    return above is not None


def add_terms(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-resolved", explain)
