"""Draw the picture of the README anew: the first figure of the book, as a browser shows it.

`make book && python tests/support/picture.py`
"""

from pathlib import Path
from shutil import which

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "_build/html/notebooks/start.html"


def main() -> None:
    """Write `book/assets/preview.png`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"))
        page = browser.new_page(
            viewport={"width": 1400, "height": 900}, device_scale_factor=2, color_scheme="light"
        )
        page.goto(PAGE.as_uri())
        page.locator(".plotly-place[data-drawn=true]").first.wait_for()
        page.locator(".figure-frame").first.screenshot(path=ROOT / "book/assets/preview.png")


if __name__ == "__main__":
    main()
