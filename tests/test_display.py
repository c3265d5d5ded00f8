import plotly.graph_objects as go
import pytest

from prunelib.book import sphinx_ext
from prunelib.book.choices import MIME, PLOTLY, Choices, by_scale
from prunelib.errors import Missing, PrunelibError


def figure(title):
    meta = {"alt": f"What {title} shows.", "table": {"columns": ["a"], "rows": [["1"]]}}
    return go.Figure(go.Scatter(x=[1], y=[2]), {"title": title, "meta": meta})


class Records:
    def __init__(self, name):
        self.name = name

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
        assert drawn.layout.meta["alt"].endswith(f"Scale {scale}.")


def draw_smoke_only(study):
    if study.name != "smoke":
        raise Missing("nothing")
    return figure(study.name)


def test_scales_without_records_are_left_out():
    assert by_scale(STUDIES, draw_smoke_only).questions == {"scale": ("smoke",)}


def test_no_records_at_all_are_an_error_that_says_what_to_run():
    with pytest.raises(PrunelibError, match="prunelib study mini"):
        by_scale({"mini": Records("mini")}, draw_smoke_only)


def test_a_live_notebook_shows_the_first_choice():
    bundle = by_scale(STUDIES, lambda study: figure(study.name))._repr_mimebundle_()
    assert bundle[PLOTLY]["layout"]["title"]["text"] == "mini"
    assert len(bundle[MIME]["figures"]) == 2
    assert "0x" not in bundle["text/plain"]


def test_a_page_has_a_button_for_every_answer_and_shows_one_figure():
    choices = by_scale(STUDIES, lambda study: figure(study.name)).also("published", figure("p"))
    text = sphinx_ext.choices_html(choices._repr_mimebundle_()[MIME])
    assert text.count('type="radio"') == 3
    assert text.count(" checked") == 1
    assert text.count('class="plotly-place"') == 3
    assert text.count('class="chosen"') == 3
    assert text.count(" hidden>") == 3  # two figures and the note that there are no records


def test_two_groups_of_buttons_do_not_share_a_name():
    bundle = Choices({"scale": ("a",)}, {("a",): figure("a")})._repr_mimebundle_()[MIME]
    names = [t.split('name="')[1].split('"')[0] for t in map(sphinx_ext.choices_html, [bundle] * 2)]
    assert len(set(names)) == 2


def test_text_cannot_break_out_of_a_page():
    evil = figure('</script><b>"')
    evil.update_layout(meta={"alt": '"><script>x</script>', "table": None})
    text = sphinx_ext.figure_html(evil.to_plotly_json())
    assert text.count("</script>") == 1
    assert '"><script>x' not in text


def test_a_figure_without_a_description_fails_the_book():
    with pytest.raises(Exception, match="description"):
        sphinx_ext.figure_html(go.Figure().to_plotly_json())
