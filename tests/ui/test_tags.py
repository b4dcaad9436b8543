"""The tags that pages are made of."""

import re
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils.translation import override


def render(template: str, **context: Any) -> str:
    with override("en"):
        return Template(template).render(Context(context))


class Form(forms.Form):
    name = forms.CharField(label="Name", help_text="As on the card.", error_messages={"required": "Type your name."})
    size = forms.ChoiceField(label="Size", choices=[("s", "S")], widget=forms.RadioSelect)


def test_an_icon_is_decoration_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in render("{% icon 'home' %}")
    labelled = render("{% icon 'home' label %}", label='"><script>')
    assert 'role="img"' in labelled and "<script>" not in labelled


@pytest.mark.parametrize(
    ("part", "whole", "width"), [(300, 1000, 300), (0, 1000, 0), (5, 0, 0), (2000, 1000, 1000), (-5, 10, 0)]
)
def test_a_bar_is_filled_to_its_part_and_says_it(part: int, whole: int, width: int) -> None:
    drawn = render("{% bar part whole 'some of it' %}", part=part, whole=whole)
    assert f'<rect width="{width}"' in drawn and 'aria-label="some of it"' in drawn and "style=" not in drawn


def test_stars_are_said_in_words() -> None:
    assert 'aria-label="4 stars of 5"' in render("{% stars 4 %}")


def test_a_field_joins_its_help_and_its_error_to_the_control() -> None:
    fresh = render("{% field form.name %}", form=Form())
    assert 'aria-describedby="id_name-help"' in fresh and "aria-invalid" not in fresh
    wrong = render("{% field form.name %}", form=Form({}))
    assert 'aria-describedby="id_name-help id_name-error"' in wrong and 'aria-invalid="true"' in wrong
    assert 'id="id_name-error"' in wrong and "Type your name." in wrong


def test_errors_are_listed_linked_and_take_the_focus() -> None:
    assert render("{% errors form %}", form=Form()).strip() == ""
    summary = render("{% errors form %}{% field form.name %}", form=Form({}))
    assert "autofocus" in summary and 'tabindex="-1"' in summary
    for anchor in ("id_name", "id_size"):
        assert f'<a href="#{anchor}">' in summary


def test_pages_keep_the_rest_of_the_address() -> None:
    request = RequestFactory().get("/x/?q=a%26b&page=2&page=9")
    page = Paginator(range(100), 10).page(2)
    links = re.findall(r'href="([^"]+)"', render("{% pages page %}", request=request, page=page))
    assert links == ["?q=a%26b&amp;page=1", "?q=a%26b&amp;page=3"]


def test_one_page_needs_no_pages() -> None:
    request = RequestFactory().get("/x/")
    assert render("{% pages page %}", request=request, page=Paginator([1], 10).page(1)).strip() == ""


def test_a_note_escapes_what_it_shows() -> None:
    shown = render("{% note 'bad' %}{{ text }}{% endnote %}", text="<b>")
    assert "&lt;b&gt;" in shown and "&amp;lt;" not in shown and 'class="note bad"' in shown


def test_an_empty_list_says_why() -> None:
    shown = render("{% empty 'search' title 3 %}<p>{{ why }}</p>{% endempty %}", title="<Nothing>", why="because")
    assert "<h3>&lt;Nothing&gt;</h3>" in shown and "<p>because</p>" in shown
