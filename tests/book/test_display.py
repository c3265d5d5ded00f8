import html
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pandas as pd
import plotly.graph_objects as go
import pytest
from IPython.core.interactiveshell import InteractiveShell

import prunelib.book.notebook  # noqa: F401  (it sets the form that Plotly takes)
from prunelib.book import pages, policy
from prunelib.book.choices import MIME, PLOTLY_MIME, Choices, by_scale
from prunelib.book.figures import block_widths
from prunelib.book.figures.static import svg
from prunelib.book.figures.style import LINES, describe_figure, line_style, trace
from prunelib.errors import Missing, PrunelibError
from prunelib.nets.profile import ChannelProfile


def figure(title):
    made = go.Figure(trace([1], [2], title, LINES[0]), {"title": title})
    return describe_figure(made, "A figure", f"What {title} shows.", pd.DataFrame({"a": [1]}))


def page():
    return pages.Page("../figures", "start")


class Records:
    def __init__(self, name, epochs=1):
        self.name = name
        self.scale = SimpleNamespace(train=SimpleNamespace(epochs=epochs))

    def provenance(self):
        return f"Scale {self.name}."


STUDIES = {"mini": Records("mini"), "smoke": Records("smoke")}


def test_there_is_a_figure_for_every_answer():
    choices = by_scale(
        STUDIES,
        lambda study, axis: figure(f"{study.name}-{axis}"),
        axis={"work": "macs", "size": "params"},
    )
    assert choices.questions == {"scale": ("mini", "smoke"), "axis": ("work", "size")}
    titles = {answers: f.layout.title.text for answers, f in choices.figures.items()}
    assert titles == {
        ("mini", "work"): "mini-macs",
        ("mini", "size"): "mini-params",
        ("smoke", "work"): "smoke-macs",
        ("smoke", "size"): "smoke-params",
    }
    for (scale, _), drawn in choices.figures.items():
        assert drawn.layout.meta["source"] == f"Scale {scale}."
        assert drawn.layout.meta["scale"] == scale


def draw_smoke_only(study):
    if study.name != "smoke":
        raise Missing("nothing")
    return figure(study.name)


def test_scales_without_records_are_left_out():
    assert by_scale(STUDIES, draw_smoke_only).questions == {"scale": ("smoke",)}


def test_buttons_go_by_length_and_the_figure_begins_at_the_first_study():
    lengths = {"midi": 30, "maxi": 100, "mini": 10}
    studies = {name: Records(name, epochs) for name, epochs in lengths.items()}
    choices = by_scale(studies, lambda study: figure(study.name)).also("published", figure("x"))
    assert choices.questions == {"scale": ("mini", "midi", "maxi", "published")}
    assert next(iter(choices.figures)) == ("midi",)
    html = pages.choices_html(choices._repr_mimebundle_()[MIME], page())
    buttons = re.findall(r'value="(\w+)"([^>]*)>', html)
    assert [text for text, _ in buttons] == ["mini", "midi", "maxi", "published"]
    assert ["checked" in marks for _, marks in buttons] == [False, True, False, False]


def test_no_records_at_all_are_an_error_that_says_what_to_run():
    with pytest.raises(PrunelibError, match="prunelib study mini"):
        by_scale({"mini": Records("mini")}, draw_smoke_only)


def test_a_live_notebook_shows_the_first_choice():
    bundle = by_scale(STUDIES, lambda study: figure(study.name))._repr_mimebundle_()
    assert bundle[PLOTLY_MIME]["layout"]["title"]["text"] == "mini"
    assert len(bundle[MIME]["figures"]) == 2
    assert "0x" not in bundle["text/plain"]


def test_a_page_has_a_button_for_every_answer_and_shows_one_figure():
    choices = by_scale(STUDIES, lambda study: figure(study.name)).also("published", figure("p"))
    text = pages.choices_html(choices._repr_mimebundle_()[MIME], page())
    assert text.count('type="radio"') == 3
    assert text.count(" checked") == 1
    assert text.count(" disabled") == 0
    assert text.count('class="plotly-place"') == 3
    assert text.count(" hidden>\n    <div") == 2


def test_an_answer_without_a_figure_is_disabled():
    choices = by_scale(
        STUDIES,
        lambda study, axis: figure(f"{study.name}-{axis}"),
        axis={"work": "macs", "size": "params"},
    )
    figures = {key: made for key, made in choices.figures.items() if key != ("mini", "size")}
    bundle = Choices(choices.questions, figures)._repr_mimebundle_()
    text = pages.choices_html(bundle[MIME], page())
    assert [field for field in text.split("<input")[1:] if " disabled" in field.split(">")[0]] == [
        field for field in text.split("<input")[1:] if 'value="size"' in field.split(">")[0]
    ]


def test_figures_of_a_page_are_numbered_and_have_anchors_of_their_own():
    shown = page()
    texts = [pages.figure_html(figure("x").to_plotly_json(), shown) for _ in range(2)]
    for number, (text, anchor) in enumerate(zip(texts, ("a-figure", "a-figure-2"), strict=True), 1):
        assert f'id="{anchor}"' in text
        assert f'href="#{anchor}">Figure {number}</a>' in text
        assert f'href="../figures/start-{anchor}.csv" download' in text


def test_the_csv_has_all_rows_and_the_table_some():
    table = pd.DataFrame({"n": range(1_000), "name": "=1+1", "share": 0.123456789})
    made = describe_figure(
        go.Figure(trace([1], [2], "x", LINES[0])), "Many rows", "A thousand.", table
    )
    shown = page()
    text = pages.figure_html(made.to_plotly_json(), shown)
    rows = shown.files["start-many-rows.csv"].split("\n")
    assert rows[:2] == ["n,name,share", "0,'=1+1,0.123457"]
    assert len(rows) == 1_002
    assert text.count("<tr>") < 70
    assert "the CSV has all 1,000" in text


EVIL = '</script><!--<script><b>"{{ x }}'


def test_text_cannot_break_out_of_a_page():
    table = pd.DataFrame({EVIL: [EVIL]})
    evil = describe_figure(go.Figure(trace([1], [EVIL], EVIL, LINES[0])), EVIL, EVIL, table)
    evil.update_layout(meta=evil.layout.meta | {"source": EVIL, "scale": EVIL})
    choices = Choices({EVIL: (EVIL, "b")}, {(EVIL,): evil, ("b",): evil})
    text = pages.choices_html(choices._repr_mimebundle_()[MIME], page())
    assert text.count("</script>") == 2
    assert "<!--" not in text
    assert "<b>" not in text


def test_a_figure_without_a_description_fails_the_book():
    with pytest.raises(ValueError, match="description"):
        pages.figure_html(go.Figure().to_plotly_json(), page())


def test_the_picture_for_pages_without_scripts_is_xml_with_the_same_names():
    names = ["first & <last>", "second"]
    made = go.Figure([trace([1, 2], [2, 3], name, line_style(i)) for i, name in enumerate(names)])
    describe_figure(made, "Two lines", "Two lines.", pd.DataFrame({"a": [1]}))
    texts = [t.text for t in ElementTree.fromstring(svg(made.to_plotly_json())).iter() if t.text]
    assert set(names) <= set(texts)
    assert "Two lines" in texts


def test_a_stored_notebook_has_a_picture_of_every_figure_and_nothing_heavy():
    shell = InteractiveShell.instance()
    choices = by_scale(STUDIES, lambda study: figure(study.name))
    for made, kinds in (
        (figure("x"), {PLOTLY_MIME, "image/svg+xml", "text/plain"}),
        (choices, {MIME, PLOTLY_MIME, "image/svg+xml", "text/plain"}),
    ):
        bundle, _ = shell.display_formatter.format(made)
        assert set(bundle) == kinds
        assert ElementTree.fromstring(bundle["image/svg+xml"]).tag.endswith("svg")
        assert len(bundle["text/plain"]) < 100


def test_the_picture_names_each_panel():
    base = ChannelProfile.full(10, 1)
    made = block_widths({"whole": base, "half": base.reduced(0.5)})
    picture = ElementTree.fromstring(svg(made.to_plotly_json()))
    texts = [t.text for t in picture.iter() if t.text]
    assert (texts.count("whole"), texts.count("half")) == (1, 1)
    bars = [float(r.get("height")) for r in picture.iter() if r.get("fill-opacity") == "1"]
    assert max(bars[:6]) == pytest.approx(2 * max(bars[6:]), rel=0.02)


def test_pages_hold_to_a_policy_that_allows_the_theme_and_nothing_of_the_text():
    page = (
        '<head><meta charset="utf-8"/><script>theme()</script></head>'
        "<article><script>evil()</script></article>"
        '<button onclick="window.print()">'
    )
    held = policy.held(page)
    assert policy.held(held) == held
    content = held.split('content="')[1].split('"')[0]
    assert html.escape(policy.digest("theme()")) in content
    assert html.escape(policy.digest("evil()")) not in content
    assert "unsafe-inline" not in content.split("script-src")[1].split(";")[0]
    assert "onclick" not in held
