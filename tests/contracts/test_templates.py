"""Every template of the house compiles, and none carries what the content security policy would stop."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from tests.contracts.house import SOURCE, named

TEMPLATES = sorted(path for path in SOURCE.glob("*/templates/**/*") if path.is_file())
# Inline styles and handlers: the policy drops them without a word.
INLINE = re.compile(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:|<script(?![^>]*\bsrc\s*=)", re.IGNORECASE)


def test_there_are_templates() -> None:
    assert len(TEMPLATES) >= 10


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_template_compiles(path: Path) -> None:
    name = str(path).split("/templates/", 1)[1]
    assert get_template(name).origin.name == str(path), "another room has a template of this name"  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_template_has_nothing_inline(path: Path) -> None:
    assert INLINE.findall(path.read_text()) == []
