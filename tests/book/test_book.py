"""The built book as readers get it: in Chromium, without a network, from a server and from files.

`make test` builds the book first; PRUNELIB_BOOK names another one.
"""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import sync_playwright
from serving import served_folder

ROOT = Path(__file__).parents[2]
BOOK = Path(os.environ.get("PRUNELIB_BOOK", ROOT / "_build" / "html"))
PAGES = sorted(
    str(path.relative_to(BOOK))
    for folder in ("book", "notebooks")
    for path in (BOOK / folder).glob("*.html")
)
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
DRAWN = [chapter for chapter in CHAPTERS if chapter != "your-data"]
"""Those with figures; on one's own data there is nothing to draw yet."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}

pytestmark = pytest.mark.book


def each(pages):
    """Of every page. The tests of one run one after the other, so that it is opened once.

    Pytest takes pages for the same by their place in the list: lists begin with `PAGES`.
    """
    marked = [pytest.param(page, marks=pytest.mark.xdist_group(page)) for page in pages]
    return pytest.mark.parametrize("page", marked, scope="module")


@pytest.fixture(scope="module")
def server():
    with served_folder(BOOK) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "install Chromium (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


FOLLOWED = """() => {
  const ink = getComputedStyle(document.body).color;
  const texts = [...document.querySelectorAll(".plotly-place :is(.xtick, .ytick) text")];
  return document.getAnimations().every((each) => each.playState !== "running")
    && texts.every((text) => text.closest("[hidden]") || getComputedStyle(text).fill === ink);
}"""
"""Figures have the colour of the page's text, and nothing fades any more."""


class Visit:
    """A page that is open, what it asked other hosts for, and what it complained of."""

    def __init__(self, browser, url, size="desktop", scheme="light", **context):
        self.context = browser.new_context(
            viewport=SIZES[size], color_scheme=scheme, accept_downloads=True, **context
        )
        self.page = self.context.new_page()
        self.outside, self.errors, self.requested = [], [], []
        own = urlparse(url).netloc

        def route(route, request):
            target = urlparse(request.url)
            self.requested.append(request.url)
            if target.scheme in ("http", "https") and target.netloc != own:
                self.outside.append(request.url)
                route.abort()
            else:
                route.continue_()

        self.context.route("**/*", route)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self.errors.append(message.text),
        )
        self.page.goto(url)
        if context.get("java_script_enabled", True):
            self.wait_until_drawn()

    def wait_until_drawn(self):
        # A function: a bare expression is evaluated again and again, which the policy forbids.
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.plotly-place')]"
            ".every(place => place.closest('[hidden]') || place.dataset.drawn === 'true')",
            timeout=30_000,
        )

    def wear(self, scheme):
        """The page in its light or dark theme, when its figures have followed."""
        self.page.evaluate("(name) => (document.documentElement.dataset.theme = name)", scheme)
        self.page.wait_for_function(FOLLOWED)

    def resize(self, width, height=900):
        """The page at another size, when the browser has laid it out."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def shown(self):
        return self.page.locator(".plotly-place:visible").all()

    def answers(self):
        """Presses every button of every figure in turn, and yields after each."""
        for button in self.page.locator(".choice input").all():
            if button.is_disabled():
                continue
            button.check(force=True)
            self.wait_until_drawn()
            yield button

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


def address(server, page, how):
    return f"{server}/{page}" if how == "http" else (BOOK / page).as_uri()


@pytest.fixture(scope="module")
def visit(browser, page):
    """A page from a file that its tests share: they look at it, and leave it as it was."""
    with Visit(browser, address(None, page, "file"), "phone") as visit:
        yield visit
        assert visit.outside == []
        assert visit.errors == []


REACHABLE = """() =>
  [...document.querySelectorAll("pre[tabindex], .pst-scrollable-table-container[tabindex]")]
    .every((part) => part.tabIndex === 0
      || (part.scrollWidth <= part.clientWidth && part.scrollHeight <= part.clientHeight))"""
"""What scrolls does so from the keyboard, too: the theme sees to it soon after a resize."""


def at_size(visit, size):
    if visit.page.viewport_size != SIZES[size]:
        visit.resize(**SIZES[size])
        visit.page.wait_for_function(REACHABLE)
    return visit


@pytest.fixture
def on_a_phone(visit):
    return at_size(visit, "phone")


@pytest.fixture
def on_a_desk(visit):
    return at_size(visit, "desktop")


def test_the_book_has_its_chapters():
    for chapter in CHAPTERS:
        assert f"notebooks/{chapter}.html" in PAGES


def drawn(visit, page):
    """Check that every figure that is shown is there."""
    expected = (BOOK / page).read_text(encoding="utf-8").count('class="plotly-place"')
    assert visit.page.locator(".plotly-place").count() == expected
    for place in visit.shown():
        assert place.locator("svg.main-svg").count() > 0
        assert place.locator(".trace, .heatmaplayer image").count() > 0
    for choices in visit.page.locator(".choices").all():
        assert choices.locator(".plotly-place:visible").count() == 1
    assert visit.outside == []
    assert visit.errors == []


@each(PAGES)
def test_a_page_from_a_file_is_whole_and_fits_a_phone(on_a_phone, page):
    drawn(on_a_phone, page)
    assert on_a_phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in on_a_phone.shown():
        box = place.locator("svg.main-svg").first.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 391
    assert collisions(on_a_phone) == []


CELLS = """() =>
  [...document.querySelector("article table:has(#c1) tbody tr").cells].map((cell) => {
    const { x, y, width } = cell.getBoundingClientRect();
    return [x, y, width, getComputedStyle(cell, "::before").content.replace('" "', "")];
  })"""


def test_a_row_of_a_table_of_sentences_is_a_list_on_a_phone(browser):
    with Visit(browser, address(None, "notebooks/verdicts.html", "file"), "phone") as visit:
        lefts, tops, widths, names = zip(*visit.page.evaluate(CELLS), strict=True)
        assert len(set(lefts)) == 1
        assert sorted(set(tops)) == list(tops)
        assert min(widths) > 300
        assert names[:2] == ("none", '"mini, 10 epochs: "')
        visit.resize(**SIZES["desktop"])
        _, tops, _, names = zip(*visit.page.evaluate(CELLS), strict=True)
        assert len(set(tops)) == 1
        assert set(names) == {"none"}


def test_pointing_at_a_marker_shows_its_runs(browser, server):
    with Visit(browser, address(server, "notebooks/start.html", "http")) as visit:
        marker = visit.page.locator(
            ".plotly-place:visible .scatterlayer .trace:has(.points path) .points path"
        ).last
        marker.scroll_into_view_if_needed()
        box = marker.bounding_box()
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        visit.page.wait_for_selector(".hoverlayer .hovertext")
        told = visit.page.locator(".hoverlayer .hovertext").first.text_content()
        assert re.search(r"seed \d: [\d.]+%", told)
        assert re.search(r"[\d,]{5,} parameters", told)


@each(PAGES)
def test_links_within_the_book_lead_somewhere(page):
    folder = (BOOK / page).parent
    for link in re.findall(r'href="([^"]*)"', (BOOK / page).read_text(encoding="utf-8")):
        path, _, anchor = unquote(link).partition("#")
        if urlparse(link).scheme or path.startswith("//"):
            continue
        target = (folder / path.partition("?")[0]).resolve() if path else BOOK / page
        assert target.exists(), link
        if anchor and target.suffix == ".html":
            assert f'id="{anchor}"' in target.read_text(encoding="utf-8") or anchor == "top", link


def test_notebook_pages_have_figures():
    for chapter in DRAWN:
        assert 'class="plotly-place"' in (BOOK / f"notebooks/{chapter}.html").read_text(
            encoding="utf-8"
        )


def test_figures_follow_the_theme(browser, server):
    def text_colour(visit):
        return visit.page.evaluate(
            "getComputedStyle(document.querySelector('.plotly-place .xtick text')).fill"
        )

    page = address(server, "notebooks/base.html", "http")
    with Visit(browser, page) as visit:
        visit.wear("light")
        light = text_colour(visit)
        visit.wear("dark")
        dark = text_colour(visit)
    assert brightness(light) < 110 < 160 < brightness(dark)


CONTRAST_ONLY = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""What another theme can change."""


@each([*PAGES, "search.html"])
def test_axe_finds_nothing_serious(on_a_desk, page):
    for scheme, options in (("light", {}), ("dark", CONTRAST_ONLY)):
        on_a_desk.wear(scheme)
        # A page from a file may not fetch its style sheets, which axe would read once more.
        options = options | {"resultTypes": ["violations"], "preload": False}
        found = Axe().run(on_a_desk.page, options=options).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in serious] == [], scheme


COLOURS = """
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const channel = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
"""

LOW_CONTRAST = (
    f"() => {{ {COLOURS}"
    """
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !e.checkVisibility()) continue;
    if (e.closest("script, style, noscript, mjx-container, .highlight, .headerlink")) continue;
    const style = getComputedStyle(e);
    const svg = e.closest("svg");
    if (svg && e.closest(".bars, .point, .barlayer")) continue;
    const text = parse(svg ? style.fill : style.color);
    if (text[3] === 0) continue;
    const [a, b] = [luminance(text), luminance(behind(svg ? svg.parentElement : e))];
    const ratio = contrast(a, b);
    const least = e.matches(".figure-glyph") ? 3 : 4.5; // A glyph is a picture, not a letter.
    if (ratio < least) low.push([ratio.toFixed(2), e.textContent.trim().slice(0, 40)]);
  }
  return low;
}"""
)


LOW_BORDERS = (
    f"() => {{ {COLOURS}"
    """
  const page = luminance(parse(getComputedStyle(document.body).backgroundColor));
  const stands = (colour) => contrast(luminance(parse(colour)), page) >= 3;
  const tools = [...document.querySelectorAll(".figure-tools > *")]
    .filter((tool) => tool.checkVisibility());
  const low = tools.filter((tool) => {
    const style = getComputedStyle(tool);
    return !stands(style.color) || !stands(style.borderTopColor);
  });
  return [tools.length, low.map((tool) => tool.outerHTML)];
}"""
)


@each(PAGES)
def test_text_and_the_tools_of_figures_stand_out_from_their_background(on_a_desk, page):
    for scheme in ("dark", "light"):
        on_a_desk.wear(scheme)
        assert on_a_desk.page.evaluate(LOW_CONTRAST) == [], scheme
        tools, low = on_a_desk.page.evaluate(LOW_BORDERS)
        assert tools >= (3 if Path(page).stem in DRAWN else 0)
        assert low == [], scheme


def brightness(colour):
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3


@each(PAGES)
def test_every_figure_has_a_name_and_its_data_as_a_table(page):
    text = (BOOK / page).read_text(encoding="utf-8")
    for figure in re.findall(r'<figure class="plotly-figure.*?</figure>', text, re.DOTALL):
        assert re.search(r'role="img" aria-label="[^"]{40,}"', figure)
        assert figure.count("<tr>") > 1


COLLISIONS = """() => {
  const found = [];
  for (const root of document.querySelectorAll(".plotly-figure:not([hidden])")) {
    const texts = root.querySelectorAll(
      ".xtick text, .ytick text, [class$=title] text, .annotation-text, .bartext, " +
      ".textpoint text, .figure-ends span[data-group]");
    const boxes = [...texts].map((node) => [node.getBoundingClientRect(), node.textContent]);
    boxes.forEach(([a, text], i) => {
      if (a.width && (a.left < -1 || a.right > innerWidth + 1))
        found.push([root.dataset.name, "outside", text]);
      for (const [b, other] of boxes.slice(0, i)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > 3) found.push([root.dataset.name, text, other]);
      }
    });
    const chart = root.querySelector(".figure-frame");
    const drawn = chart.querySelector("svg.main-svg").getBoundingClientRect();
    if (Math.abs(drawn.width - chart.clientWidth) > 2) found.push([root.dataset.name, "width"]);
  }
  return found;
}"""


def collisions(visit):
    """Texts of figures that meet, and figures that do not fit, once the page has settled."""
    for _ in range(100):
        found = visit.page.evaluate(COLLISIONS)
        if not found:
            break
        visit.page.wait_for_timeout(100)
    return found


@each(PAGES)
def test_figures_fit_their_column_and_no_texts_collide(on_a_desk, page):
    for width in (768, 1920, 1280):
        on_a_desk.resize(width)
        assert collisions(on_a_desk) == [], width


@pytest.mark.parametrize("how", ["http", "file"])
def test_a_choice_is_in_the_address_and_is_found_there_again(browser, server, how):
    chosen = "input[value='multiply-accumulates']"
    with Visit(browser, address(server, "notebooks/start.html", how)) as visit:
        visit.page.locator(".choices").first.locator(chosen).check(force=True)
        visit.wait_until_drawn()
        url = visit.page.url
        assert url.endswith("#test-error-by-family?axis=multiply-accumulates")
    with Visit(browser, url) as visit:
        visit.page.wait_for_selector(f"{chosen}:checked", state="attached")
        visit.wait_until_drawn()
        for group in visit.page.locator(f".choices:has({chosen})").all():
            assert group.locator(chosen).is_checked()
        assert visit.errors == []


def test_an_answer_without_a_figure_cannot_be_chosen(browser, server):
    with Visit(browser, address(server, "notebooks/start.html", "http")) as visit:
        group = visit.page.locator(".choices").first
        assert group.locator("input:disabled").count() == 0
        group.locator("input[value=published]").check(force=True)
        visit.wait_until_drawn()
        assert group.locator("input[value='multiply-accumulates']").is_disabled()
        assert group.locator(".plotly-place:visible").count() == 1


def test_a_click_on_a_point_leads_to_its_records(browser, server):
    with Visit(browser, address(server, "notebooks/start.html", "http")) as visit:
        point = visit.page.locator(".plotly-place:visible .scatterlayer .points path").last
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        visit.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        links = visit.page.locator(".figure-records:visible a")
        links.first.wait_for()
        for link in links.all():
            record = visit.page.request.get(link.evaluate("(a) => a.href")).json()
            assert {"spec", "outcome", "circumstances"} <= set(record)


def test_pointing_at_a_family_fades_the_others(browser, server):
    with Visit(browser, address(server, "notebooks/start.html", "http")) as visit:
        label = visit.page.locator(".figure-ends span[data-group=Bottleneck]").first
        label.hover()
        faded = "[...document.querySelectorAll('.plotly-place .trace')].filter(n => %s).length"
        assert visit.page.evaluate(faded % "n.style.opacity === '0.15'") > 5
        assert visit.page.evaluate(faded % "n.style.opacity !== '0.15'") >= 1
        visit.page.mouse.move(0, 0)
        assert visit.page.evaluate(faded % "n.style.opacity === '0.15'") == 0


@pytest.mark.parametrize("how", ["http", "file"])
def test_a_figure_can_be_taken_away(browser, server, how):
    with Visit(browser, address(server, "notebooks/prune.html", how)) as visit:
        root = visit.page.locator(".plotly-figure:visible").first
        name = root.get_attribute("data-name")
        with visit.page.expect_download() as waiting:
            root.locator(".figure-png").click()
        assert waiting.value.suggested_filename == f"{name}.png"
        picture = Image.open(waiting.value.path())
        assert picture.size[0] == 2000
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
        assert visit.errors == []


@each(PAGES)
def test_every_figure_has_a_number_an_anchor_and_its_data_whole(page):
    text = (BOOK / page).read_text(encoding="utf-8")
    groups = text.split('<div class="choices"')[1:]
    for number, group in enumerate(groups, 1):
        anchor = re.search(r'id="([^"]+)"', group)[1]
        assert f'href="#{anchor}">Figure {number}</a>' in group
        for figure in group.split('<figure class="plotly-figure')[1:]:
            lines = (BOOK / page).parent.joinpath(re.search(r'href="([^"]+\.csv)"', figure)[1])
            lines = lines.read_text(encoding="utf-8").splitlines()
            said = re.search(r"the CSV has all ([\d,]+)", figure)
            shown = figure.count("<tr>") - 1
            assert len(lines) - 1 == (int(said[1].replace(",", "")) if said else shown)
            picture = re.search(r'href="([^"]+\.svg)"', figure)[1]
            ElementTree.parse((BOOK / page).parent / picture)


def test_a_page_without_scripts_shows_pictures(browser, server):
    url = address(server, "notebooks/start.html", "http")
    with Visit(browser, url, java_script_enabled=False) as visit:
        picture = visit.page.locator(".plotly-place img").first
        picture.scroll_into_view_if_needed()
        assert picture.is_visible()
        assert picture.bounding_box()["width"] > 300
        loaded = visit.page.request.get(f"{server}/notebooks/{picture.get_attribute('src')}")
        assert loaded.ok


@each(PAGES)
def test_only_pages_with_formulas_load_what_sets_them(page):
    text = (BOOK / page).read_text(encoding="utf-8")
    assert ("tex-chtml.js" in text) == ('class="math' in text)


def test_pages_are_light():
    assert len(list(BOOK.rglob("plotly*.js"))) == 1
    for page in PAGES:
        assert (BOOK / page).stat().st_size < 1_500_000


def test_search_finds_fisher(browser, server):
    with Visit(browser, f"{server}/search.html?q=Fisher") as visit:
        visit.page.wait_for_selector("#search-results li a", timeout=20_000)
        assert visit.outside == []
        assert "prune" in " ".join(
            link.get_attribute("href") for link in visit.page.locator("#search-results li a").all()
        )


def test_pages_name_no_folder_of_the_machine_that_built_them():
    for page in PAGES:
        assert str(ROOT) not in (BOOK / page).read_text(encoding="utf-8")


def test_the_first_screen_has_all_that_decides(browser, server):
    with Visit(browser, address(server, "notebooks/start.html", "http")) as visit:
        visit.resize(1280, 800)
        answer = visit.page.locator(".tag_answer .cell_output")
        assert len(answer.inner_text().split()) < 85
        beside = visit.page.locator(".tag_beside-right")
        limits = beside.locator(".limits")
        parts = [
            answer,
            visit.page.locator(".tag_beside-left .plotly-place:visible svg.main-svg").first,
            beside.locator(".budgets table"),
            beside.locator(".buttons"),
            limits,
        ]
        for part in parts:
            box = part.bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 800
        for word in ("CIFAR-10", "epochs", "authors", "202", "MIT", "cite"):
            assert word in limits.inner_text()
        assert visit.page.locator(".navbar-brand img:visible").bounding_box()["height"] <= 48


WORDS_OF_PROSE = """() => {
  const article = document.querySelector("article").cloneNode(true);
  const other = "table, pre, figure, details, nav, .pl-widget, .math, .headerlink";
  article.querySelectorAll(other).forEach((part) => part.remove());
  const parts = [...article.querySelectorAll("p, li, dd")]
    .filter((part) => !part.parentElement.closest("p, li, dd"));
  return parts.flatMap((part) => part.textContent.split(/\\s+/)).filter((word) => word).length;
}"""
APPENDICES = ("rules", "code", "library", "bibliography")


@each(PAGES)
def test_a_page_is_read_in_a_few_minutes(on_a_desk, page):
    if Path(page).stem not in APPENDICES:
        assert 50 < on_a_desk.page.evaluate(WORDS_OF_PROSE) <= 900


TERMS = """() => [...document.querySelectorAll("article a.term")].map((term) =>
  [term.getAttribute("href"), term.title, Boolean(term.closest("h1, h2, h3, pre"))])"""


@each(PAGES)
def test_a_term_shows_its_meaning_once_a_page(on_a_desk, page):
    terms = on_a_desk.page.evaluate(TERMS)
    assert len({link for link, _, _ in terms}) == len(terms)
    assert all(len(meaning) > 15 and not heading for _, meaning, heading in terms)
    if page in ("notebooks/start.html", "notebooks/cost.html"):
        assert len(terms) > 3


@each(PAGES)
def test_a_page_says_once_where_its_numbers_come_from(page):
    text = (BOOK / page).read_text(encoding="utf-8")
    assert text.count("Where the numbers come from") <= 1


def test_pages_are_named_once_and_described(browser, server):
    with Visit(browser, address(server, "notebooks/start.html", "http")) as visit:
        assert visit.page.title() == "Is it worth pruning a network?"
        assert visit.page.locator('meta[name="description"]').count() == 1
        assert visit.page.locator('meta[property="og:image"]').count() == 1


@pytest.mark.parametrize(
    ("asked", "page"), [("convergence", "long"), ("deploy", "reproduce"), ("150k", "design")]
)
def test_search_finds_what_readers_ask_for(browser, server, asked, page):
    with Visit(browser, f"{server}/search.html?q={asked}") as visit:
        visit.page.wait_for_selector(f"#search-results li a[href*='{page}']", timeout=20_000)


@each(PAGES)
def test_every_answer_is_drawn(on_a_desk, page):
    """The last one of a page: it is not as it was any more."""
    for _ in on_a_desk.answers():
        drawn(on_a_desk, page)
