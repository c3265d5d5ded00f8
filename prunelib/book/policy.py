"""A Content-Security-Policy for the pages of the book: a second wall behind the escaping.

Pages run scripts of the book's own files, the theme's inline scripts, each allowed by its hash,
and the modules of widgets, which come as blobs. Nothing between the page's own text runs, no
handler in an attribute does, and no other host is asked.
"""

import base64
import hashlib
import html
import re

SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
ARTICLE = re.compile(r"<article\b.*</article>", re.DOTALL | re.IGNORECASE)
META = re.compile(r'\n?<meta http-equiv="Content-Security-Policy"[^>]*>', re.IGNORECASE)
CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)
HANDLER = re.compile(r'<button onclick="(window\.print|toggleFullScreen)\(\)"')


def held(page: str) -> str:
    """A page with its policy, and with the theme's handlers as data that `page.js` listens to."""
    page = META.sub("", HANDLER.sub(r'<button data-press="\1"', page))
    tag = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy_of(page))}">'
    return CHARSET.sub(lambda found: f"{found[0]}\n{tag}", page, count=1)


def policy_of(page: str) -> str:
    """The policy of a page."""
    scripts = SCRIPT.findall(ARTICLE.sub("", page))
    inline = (text for attributes, text in scripts if "src=" not in attributes and text.strip())
    hashes = sorted({digest(text) for text in inline})
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' file: blob: {' '.join(hashes)}",
            "style-src 'self' file: 'unsafe-inline'",
            "img-src 'self' file: data: blob:",
            "font-src 'self' file: data:",
            "connect-src 'self' file: data: blob:",
            "form-action 'self' file:",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


def digest(text: str) -> str:
    """How a policy names an inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
