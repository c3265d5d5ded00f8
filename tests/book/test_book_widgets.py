"""The widgets on a stored page: no kernel, no network, a keyboard, a phone, a dark theme."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import shown
import test_book
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from serving import served_folder

from prunelib.book.notebook import open_study
from prunelib.book.widgets import explorer as widgets
from prunelib.evidence import benchmarks
from prunelib.nets.profile import ChannelProfile
from prunelib.study.profile_rules import copied_after

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.book, pytest.mark.xdist_group("widgets")]
browser = test_book.browser

CONF = """
extensions = ["myst_nb", "prunelib.book.sphinx_ext"]
html_theme = "sphinx_book_theme"
project = "Widgets"
root_doc = "page"
nb_execution_mode = "force"
html_context = {"default_mode": "auto"}
html_theme_options = {"navbar_persistent": []}
"""
OPEN = """
from prunelib.book.widgets.explorer import explorer_widget
from prunelib.book.widgets.player import player_widget
from prunelib.book.notebook import open_study
smoke = open_study("smoke", results=%r, run_missing=False)
mini = open_study("mini", results=%r, run_missing=False)
"""
CORE = "import ipywidgets\nipywidgets.IntSlider()"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A book of two pages, and what was said while it was built."""
    source = tmp_path_factory.mktemp("source")
    out = tmp_path_factory.mktemp("built")
    (source / "empty").mkdir()
    opening = OPEN % (str(ROOT / "results"), str(source / "empty"))
    cells = {
        "page": [
            opening,
            "explorer_widget(smoke)",
            "player_widget(smoke)",
            'player_widget({"mini": mini})',
            'explorer_widget({"mini": mini, "smoke": smoke})',
        ],
        "core": [CORE],
    }
    for name, code in cells.items():
        notebook = new_notebook(cells=[new_markdown_cell(f"# The {name}")])
        notebook.cells += [new_code_cell(text) for text in code]
        notebook.metadata["orphan"] = True
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, source / f"{name}.ipynb")
    (source / "conf.py").write_text(CONF, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", source, out],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return out, done.stderr


@pytest.fixture(scope="module")
def server(built):
    with served_folder(built[0]) as address:
        yield address


@pytest.fixture(scope="module")
def records():
    return open_study("smoke", results=str(ROOT / "results"), run_missing=False)


@pytest.fixture
def visit(browser, built):
    """Opens the page of the widgets."""
    opened = []

    def open_page(url=None, size="desktop", scheme="light", motion="no-preference"):
        page = test_book.Visit(browser, url or (built[0] / "page.html").as_uri(), size, scheme)
        opened.append(page)
        page.page.emulate_media(reduced_motion=motion)
        page.page.wait_for_function(
            "() => document.querySelectorAll('.widget-place[data-ready]').length === 4"
        )
        page.widgets = page.page.locator(".pl-widget")
        page.explorer, page.player, page.empty, page.both = (page.widgets.nth(i) for i in range(4))
        return page

    yield open_page
    for page in opened:
        page.context.close()


@pytest.mark.parametrize("how", ["http", "file"])
def test_a_page_asks_no_other_host_and_complains_of_nothing(visit, server, built, how):
    page = visit(f"{server}/page.html" if how == "http" else None)
    assert page.outside == []
    assert page.errors == []
    text = (built[0] / "page.html").read_text(encoding="utf-8")
    assert "require" not in text
    assert "html-manager" not in text


def test_modules_are_stored_once_and_views_are_small(built):
    text = (built[0] / "page.html").read_text(encoding="utf-8")
    views = text.split('class="widget-place"')[1:]
    assert len(views) == 4
    for view in views:
        assert len(view.split("</script>")[0]) < 24_000
        assert "export default" not in view


def test_a_core_widget_brings_no_script_but_a_warning(built):
    folder, said = built
    assert "remove-output" in said
    assert said.count("WARNING: ") == 1
    text = (folder / "core.html").read_text(encoding="utf-8")
    assert "require.min.js" not in text
    assert "widget-state+json" not in text


def drawn(widget):
    """The channels that the bars show, and their heights as shares."""
    return widget.evaluate(
        """(root) => {
          const bars = [...root.querySelectorAll("rect[data-block]")];
          const whole = (bar) => bar.parentNode.querySelector(".pl-full").height.baseVal.value;
          return [
            bars.map((bar) => Number(bar.dataset.channels)),
            bars.map((bar) => bar.height.baseVal.value / whole(bar)),
          ];
        }"""
    )


def tabled(widget):
    """The table of the bars."""
    return [
        int(cell.text_content())
        for cell in widget.locator(".pl-details tbody td:nth-of-type(1)").all()
    ]


def comparison(widget):
    return [
        shown.Row(
            row.locator("th").evaluate("(th) => th.firstChild.textContent"),
            *(cell.text_content() for cell in row.locator("td").all()),
            row.locator("small").text_content(),
        )
        for row in widget.locator(".pl-compare tbody tr").all()
    ]


def shows(widget, records, family, profile, inference=None):
    """Check everything that the explorer says of a profile."""
    channels, shares = drawn(widget)
    assert tuple(channels) == profile.middle == tuple(tabled(widget))
    assert shares == pytest.approx(profile.shares())
    rows = comparison(widget)
    assert rows == shown.compared(records, family, profile, inference)
    fields = widget.locator(".pl-copy .pl-text")
    assert shown.built(fields.nth(0).input_value()) == profile
    assert fields.nth(1).input_value() == profile.to_json()
    label = widget.locator("svg[role=img]").get_attribute("aria-label")
    assert rows[0].params in label
    widget.page.wait_for_function(
        "([node, text]) => node.textContent.includes(text)",
        arg=[widget.locator("[aria-live=polite]").element_handle(), rows[0].params],
    )


def last(records):
    """Removals of the pruning run of seed 0."""
    return len(records.trajectory(0).blocks) - 1


def ranges(widget):
    return widget.locator("input[type=range]")


def test_the_explorer_by_keyboard(visit, records):
    widget = visit().explorer
    size, block, width = (ranges(widget).nth(i) for i in range(3))
    start = copied_after(records.scale.base)
    shows(widget, records, "pruned-and-tuned", records.trajectory(0).after(start))
    for press in ["ArrowRight"] * 3:
        size.press(press)
    assert size.get_attribute("aria-valuetext") == f"{start + 3} of {last(records)}"
    shows(widget, records, "pruned-and-tuned", records.trajectory(0).after(start + 3))
    size.press("Home")
    shows(widget, records, "pruned-and-tuned", records.scale.base)
    size.press("End")
    shows(widget, records, "pruned-and-tuned", records.trajectory(0).after(last(records)))

    chosen = widget.locator("input[type=radio]:checked")
    for family in ("copycat", "bottleneck", "reduced-width"):
        chosen.press("ArrowRight")
        assert chosen.get_attribute("value") == family
        size.press("Home")
        for _ in range(37):
            size.press("ArrowRight")
        assert size.input_value() == "0.38"
        shows(widget, records, family, widgets.profile_shown(records, family, 0, 0.38))

    before = ChannelProfile.from_json(widget.locator(".pl-copy .pl-text").nth(1).input_value())
    for _ in range(4):
        block.press("ArrowRight")
    width.press("ArrowLeft")
    assert chosen.get_attribute("value") == "custom"
    assert size.is_disabled()
    shows(widget, records, "custom", before.without(5))
    width.press("End")
    assert drawn(widget)[0][4] == before.blocks[4].c_out


def test_a_bar_can_be_clicked(visit):
    widget = visit().explorer
    widget.locator("rect[data-block='4']").click()
    assert ranges(widget).nth(1).input_value() == "4"


def test_a_bar_can_be_dragged_and_the_drag_undone(visit, records):
    page = visit()
    widget, mouse = page.explorer, page.page.mouse
    before = drawn(widget)[0]
    widget.locator("svg[role=img]").scroll_into_view_if_needed()
    full = widget.locator(".pl-pick").nth(3).locator(".pl-full").bounding_box()
    x, top, bottom = full["x"] + full["width"] / 2, full["y"], full["y"] + full["height"]
    mouse.move(x, bottom - 4)
    mouse.down()
    mouse.move(x, (top + bottom) / 2)
    mouse.move(x, top - 3)
    mouse.up()
    whole = records.scale.base.middle[3]
    assert drawn(widget)[0] == [*before[:3], whole, *before[4:]]
    shows(widget, records, "custom", ChannelProfile(16, 0.5, (*before[:3], whole, *before[4:])))
    undo, reset = (widget.get_by_role("button", name=name) for name in ("Undo", "Reset"))
    undo.click()
    assert drawn(widget)[0] == before
    assert undo.is_disabled()
    ranges(widget).first.press("End")
    ranges(widget).last.press("End")
    reset.click()
    assert drawn(widget)[0] == before


def test_the_profile_can_be_copied(visit, server):
    page = visit(f"{server}/page.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.explorer.get_by_label("Copy as JSON").click()
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied == page.explorer.locator(".pl-copy .pl-text").nth(1).input_value()
    page.page.wait_for_function(
        "(node) => node.textContent === 'Copied as JSON.'",
        arg=page.explorer.locator("[aria-live=polite]").element_handle(),
    )


def stands(widget, records, removals):
    """Check everything that the player says of a number of removals."""
    expected = shown.position(records, removals)
    profile = records.trajectory(0).after(removals)
    told = {name: getattr(expected, name) for name in ("params", "macs", "error", "next")}
    told["error"] += expected.last
    for name, text in told.items():
        assert widget.locator(f"[data-fact={name}]").text_content() == text
    assert tuple(drawn(widget)[0]) == profile.middle == tuple(tabled(widget))
    slider = ranges(widget)
    assert slider.get_attribute("aria-valuetext") == expected.removed
    label = widget.locator("svg[role=img]").nth(1).get_attribute("aria-label")
    assert expected.params in label
    assert expected.error in label


def test_the_player_by_keyboard(visit, records):
    widget = visit().player
    slider = ranges(widget)
    stands(widget, records, 0)
    end = last(records)
    walk = [("ArrowRight", 1), ("End", end), ("ArrowLeft", end - 1), ("Home", 0)]
    for press, removals in walk:
        slider.press(press)
        stands(widget, records, removals)
    forth, back = (widget.get_by_label(f"One removal {way}") for way in ("forward", "back"))
    assert back.is_disabled()
    forth.press("Enter")
    forth.press("Enter")
    back.press("Enter")
    stands(widget, records, 1)


def test_the_player_follows_a_click_on_its_curve_and_on_a_block(visit, records):
    widget = visit().player
    curve = widget.locator("svg[role=img]").nth(1)
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    curve.click(position={"x": box["width"] - 11, "y": box["height"] / 2})
    assert int(ranges(widget).input_value()) > 0.9 * last(records)
    stands(widget, records, int(ranges(widget).input_value()))
    ranges(widget).press("Home")
    widget.locator("rect[data-block='2']").click()
    goes = records.trajectory(0).blocks.index(2) + 1
    stands(widget, records, goes)


def test_the_player_shows_another_seed_at_the_same_place(visit, records):
    widget = visit().player
    end = last(records)
    for _ in range(end // 2):
        ranges(widget).press("ArrowRight")
    widget.locator("legend:text('Seed') ~ label input[value='1']").check(force=True)
    assert abs(int(ranges(widget).input_value()) - end // 2) <= 1
    shown_now = records.trajectory(1).after(int(ranges(widget).input_value()))
    assert tuple(drawn(widget)[0]) == shown_now.middle


def dot(widget):
    return widget.locator("[role=img] .pl-dot").evaluate("(c) => [c.cx.baseVal.value]")


def test_the_player_plays_and_pauses(visit, records):
    page = visit()
    widget, play = page.player, page.player.locator(".pl-play")
    before = dot(widget)
    page.page.wait_for_timeout(400)
    assert ranges(widget).input_value() == "0"
    play.press("Enter")
    assert play.text_content() == "Pause"
    page.page.wait_for_timeout(1500)
    play.press("Enter")
    assert play.text_content() == "Play"
    reached = int(ranges(widget).input_value())
    assert 2 <= reached < last(records)
    stands(widget, records, reached)
    assert dot(widget)[0] > before[0]
    page.page.wait_for_timeout(500)
    assert int(ranges(widget).input_value()) == reached


def test_who_wants_less_motion_gets_a_few_still_pictures(visit):
    page = visit(motion="reduce")
    page.player.locator(".pl-play").press("Enter")
    page.page.wait_for_timeout(700)
    assert ranges(page.player).input_value() == "0"
    page.page.wait_for_timeout(600)
    assert ranges(page.player).input_value() == "11"


def test_what_is_missing_is_said(visit):
    page = visit()
    assert "prunelib study mini" in page.empty.text_content()
    assert page.empty.locator("input:visible").count() == 0
    page.both.locator("input[value=mini]").check()
    assert "prunelib study mini" in page.both.text_content()
    assert page.both.locator("input[value=copycat]").is_disabled()
    assert len(drawn(page.both)[0]) == 18
    assert page.errors == []


def test_every_control_has_a_name_and_keeps_its_keys(visit):
    page = visit()
    for control in page.page.locator(".pl-widget input").all():
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
        name = control.evaluate("(i) => i.ariaLabel || i.labels[0]?.textContent")
        assert name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_phone(visit, scheme):
    page = visit(size="phone", scheme=scheme)
    for widget in (page.explorer, page.player, page.both):
        widget.locator("summary").click()
    page.both.locator("input[value=mini]").check()
    page.page.wait_for_timeout(200)
    outside = page.page.evaluate(
        """() => [...document.querySelectorAll(".pl-widget *")]
          .filter((e) => e.checkVisibility() && !e.closest(".pl-hidden, thead"))
          .filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width && (box.left < 0 || box.right > innerWidth + 0.5);
          })
          .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert outside == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(rgba(a)), light(rgba(b))];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (rgba(colour)[3] > 0.99) return colour;
    }
    return "white";
  };
  const found = [];
  for (const e of document.querySelectorAll(".pl-widget *")) {
    if (!e.checkVisibility() || e.closest(":disabled, .pl-hidden")) continue;
    const style = getComputedStyle(e);
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const text = e.localName === "text" ? style.fill : style.color;
    if (own || e.matches("input[type=text]")) found.push([ratio(text, behind(e)), 4.5, e.outerHTML]);
    if (e.matches("rect[data-block]:not([style])")) found.push([ratio(style.fill, behind(e)), 3, e.outerHTML]);
    if (e.matches(".pl-mark, .pl-curve")) found.push([ratio(style.stroke, behind(e)), 3, e.outerHTML]);
  }
  return found;
}"""  # noqa: E501


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_in_both_themes(visit, scheme):
    page = visit(scheme=scheme)
    assert page.page.evaluate("document.documentElement.dataset.theme") == scheme
    found = page.page.evaluate(CONTRASTS)
    assert len(found) > 100
    assert [entry for entry in found if entry[0] < entry[1]] == []
    text = page.explorer.evaluate("(e) => getComputedStyle(e).color")
    bright = test_book.brightness(text) > 128
    assert bright == (scheme == "dark")


def scale_shown(widget):
    """The records of the scale that a widget of the book shows; `mini` where there is no choice."""
    chosen = widget.locator("legend:text('Scale') ~ label input:checked")
    name = chosen.get_attribute("value") if chosen.count() else "mini"
    return open_study(name, run_missing=False)


@pytest.fixture
def chapter(browser):
    """Opens a page of the book itself, as `make test` built it; its only widget."""
    opened = []

    def open_page(name, how, server):
        root = server if how == "http" else test_book.BOOK.as_uri()
        page = test_book.Visit(browser, f"{root}/notebooks/{name}.html")
        opened.append(page)
        page.page.wait_for_selector(".widget-place[data-ready]")
        assert page.page.locator(".widget-place").count() == 1
        return page, page.page.locator(".pl-widget")

    yield open_page
    for page in opened:
        assert page.outside == []
        assert page.errors == []
        page.context.close()


book_server = test_book.server


def test_the_chapter_on_pruning_plays_its_run(chapter, book_server):
    page, widget = chapter("prune", "http", book_server)
    study = scale_shown(widget)
    last = len(study.trajectory(0).blocks) - 1
    slider = ranges(widget)
    for press, removals in [("ArrowRight", 1), ("End", last), ("ArrowLeft", last - 1)]:
        slider.press(press)
        stands(widget, study, removals)
    slider.press("Home")
    widget.locator(".pl-play").press("Enter")
    page.page.wait_for_timeout(1000)
    widget.locator(".pl-play").press("Enter")
    stands(widget, study, int(slider.input_value()))
    assert int(slider.input_value()) > 1


def test_the_chapter_on_design_lets_readers_explore(chapter, book_server):
    _, widget = chapter("design", "file", book_server)
    study = scale_shown(widget)
    inference = benchmarks.read_benchmark(ROOT / "results", "inference")
    for family in ("pruned-and-tuned", "copycat", "bottleneck", "reduced-width"):
        widget.locator(f"input[value={family}]").check(force=True)
        for budget in study.scale.budgets[:2]:
            widget.get_by_label("Budget", exact=True).fill(f"{budget / 1000:g}k")
            widget.get_by_label("Budget", exact=True).press("Enter")
            made = widgets.within_budget(study, family, budget)
            shows(widget, study, family, widgets.profile_shown(study, family, **made), inference)
        ranges(widget).first.press("Home")
        least = {"removals": 0} if family == "pruned-and-tuned" else {"factor": 0.01}
        shows(widget, study, family, widgets.profile_shown(study, family, **least), inference)
    start = ChannelProfile.from_json(widget.locator(".pl-copy .pl-text").nth(1).input_value())
    ranges(widget).last.press("End")
    assert drawn(widget)[0] == [start.blocks[0].c_out, *start.middle[1:]]


def test_a_budget_of_macs_and_a_budget_that_cannot_be(visit, records):
    widget = visit().explorer
    field, unit = widget.get_by_label("Budget", exact=True), widget.get_by_label("Unit of")
    shape = records.scale.shape
    start = records.trajectory(0).after(copied_after(records.scale.base))
    assert field.input_value() == f"{shape.params(start):,}"
    unit.select_option("MACs")
    assert field.input_value() == f"{shape.macs(start):,}"
    field.fill("0.2M")
    widget.get_by_role("button", name="Fit").press("Enter")
    made = widgets.within_budget(records, "pruned-and-tuned", 200_000, "macs")
    shows(widget, records, "pruned-and-tuned", records.trajectory(0).after(made["removals"]))
    assert field.input_value() == "0.2M"
    complaint = widget.locator("[role=alert]")
    for text, said in [("many", "such as 100k"), ("10", "No pruned network has 10 MACs")]:
        field.fill(text)
        field.press("Enter")
        assert said in complaint.text_content()
        assert field.get_attribute("aria-invalid") == "true"
    ranges(widget).first.press("ArrowRight")
    assert complaint.text_content() == ""
    assert field.get_attribute("aria-invalid") is None
