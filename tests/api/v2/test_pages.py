"""The pages of v2: every problem's `type` resolves, and the operations can be read without JavaScript."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from bekal.api.v2.openapi import document
from bekal.api.v2.problems import catalogue
from bekal.core.text import is_readable


@pytest.mark.django_db
@pytest.mark.parametrize("code", catalogue())
def test_a_problem_has_its_page_in_both_languages(code: str) -> None:
    definition = catalogue()[code]
    for language in ("id", "en"):
        client = Client()
        client.cookies["django_language"] = language
        told = client.get(reverse("api:v2:problem", args=[code])).content.decode()
        for texts in (definition.title, definition.what, definition.mend):
            for text in texts.values():
                assert text in told.replace("&#x27;", "'").replace("&quot;", '"'), text
        first = "Yang harus dilakukan" if language == "id" else "What to do"
        assert told.index(first) == min(told.index("Yang harus dilakukan"), told.index("What to do"))


def test_a_problem_says_everything_in_both_languages() -> None:
    for code, definition in catalogue().items():
        assert re.fullmatch(r"[a-z0-9_]+", code)
        assert 400 <= definition.status <= 599
        for texts in (definition.title, definition.what, definition.mend):
            assert texts.keys() == {"id", "en"}
            assert all(text and is_readable(text) for text in texts.values())


@pytest.mark.django_db
def test_the_index_names_every_problem() -> None:
    told = Client().get("/api/v2/problems/").content.decode()
    assert all(f'/api/v2/problems/{code}"' in told for code in catalogue())


@pytest.mark.django_db
def test_an_unknown_problem_is_not_found() -> None:
    assert Client().get("/api/v2/problems/never_heard_of").status_code == 404


@pytest.mark.django_db
def test_the_operations_can_be_read() -> None:
    response = Client().get("/api/v2/docs/")
    told = response.content.decode()
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in told
            assert f'id="{operation["operationId"]}"' in told
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
