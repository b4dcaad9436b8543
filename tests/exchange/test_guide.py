"""A stranger who pastes the commands of docs/import.md into a terminal sees what the page says they will see."""

import re
import shlex
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.exchange.data_dictionary import data_dictionary
from bekal.exchange.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "import.md"
DICTIONARY = ROOT / "docs" / "data-dictionary.md"
PREFIX = "python3 dev manage "


def steps() -> Iterator[tuple[list[str], str]]:
    """Commands of a block, and the output that follows it ("" where the page shows none)."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for place, (language, text) in enumerate(blocks):
        if language == "sh":
            following = blocks[place + 1] if place + 1 < len(blocks) else ("", "")
            yield text.splitlines(), following[1] if following[0] == "text" else ""


def said_by(command: str, out: StringIO) -> None:
    assert command.startswith(PREFIX), command
    try:
        call_command(*shlex.split(command.removeprefix(PREFIX)), stdout=out, stderr=out)
    except CommandError as error:
        out.write(f"CommandError: {error}\n")


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_every_command_of_the_guide_does_what_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    looked_at = ""
    for commands, expected in steps():
        out = StringIO()
        for command in commands:
            said_by(command, out)
        if expected:
            assert out.getvalue() == expected
        if "prove" in commands[0]:
            looked_at = out.getvalue()
    assert "looked at 10 transfers, 4 participations, 0 payouts, Rp8.800.000 committed" in looked_at
    assert "BROKEN" not in looked_at
    assert "10 transfers of 4 participations, Rp8.800.000" in " ".join(GUIDE.read_text(encoding="utf-8").split())


def test_the_data_dictionary_is_that_of_the_code(tmp_path: Path) -> None:
    call_command("data-dictionary", to=tmp_path / "page.md", stdout=StringIO())
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == data_dictionary()
    written = DICTIONARY.read_text(encoding="utf-8")
    assert written == data_dictionary(), "write it anew: python3 dev manage data-dictionary"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_column_is_described(kind: object) -> None:
    assert isinstance(kind, type(next(iter(KINDS.values()))))
    assert kind.about.endswith(".") and "\n" not in kind.about
    names = [field.name for field in kind.fields]
    assert len(names) == len(set(names))
    for field in kind.fields:
        assert field.about.endswith("."), field.name
        assert field.words, field.name


def test_a_place_to_write_the_page_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("data-dictionary", to=tmp_path / "no" / "such.md", stdout=StringIO())
