"""Text that came from a file, made harmless for the language it is put into.

Records, scales and benchmarks come from other people. Whatever is a string in them passes through
one of these functions, or through a Jinja template that escapes, before it stands on a page.
"""

import json
import re

SPECIAL = re.compile(r"[\\`*_{}\[\]<>#!|~$&^]")
TAGS = re.compile(r"[&<>${}\"']")


def markdown(text: object) -> str:
    r"""Plain text for Markdown, in a page and in a notebook: it has no markup and no second line.

    >>> print(markdown("CPU {{ x }} *at* <b>"))
    CPU \{\{ x \}\} \*at\* \<b\>
    """
    return SPECIAL.sub(r"\\\g<0>", " ".join(str(text).split()))


def code(text: object) -> str:
    r"""Plain text as code in Markdown.

    >>> print(code("make `x`"))
    `` make `x` ``
    """
    line = " ".join(str(text).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def plotly(text: object) -> str:
    r"""Plain text for a name, a label or custom data of Plotly, whose texts are half HTML.

    A line break in the text is one in the figure.

    >>> plotly("a<b %{x}\nand $y$")
    'a&#60;b %&#123;x&#125;<br>and &#36;y&#36;'
    """
    lines = str(text).splitlines()
    return "<br>".join(TAGS.sub(lambda found: f"&#{ord(found[0])};", line) for line in lines)


def script_json(value: object) -> str:
    r"""JSON for a script element of a page, which nothing in it can end.

    >>> script_json(["</script><!--"])
    '["\\u003c/script\\u003e\\u003c!--"]'
    """
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
