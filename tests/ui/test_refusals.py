"""Every refusal of the house has a sentence in both languages that names its values."""

import importlib
import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum

import pytest
from django.utils.translation import override

from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.ui.refusals import SENTENCES, sentence
from tests.ui.msgids import SOURCE

PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def every_code() -> Iterator[StrEnum]:
    """The members of every StrEnum in core's entitlement and in each room's refusals.py and …_refusals.py."""
    yield from RefusalCode
    for path in sorted(SOURCE.glob("*/*refusals.py")):
        if path.parent.name != "ui":
            module = importlib.import_module(f"bekal.{path.parent.name}.{path.stem}")
            for item in vars(module).values():
                if isinstance(item, type) and issubclass(item, StrEnum) and item is not StrEnum:
                    yield from item


CODES = list(every_code())


def sample(name: str) -> int | str | date:
    """A value of the kind that the name promises."""
    if name.endswith("_on") or name == "on":
        return date(2020, 11, 19)
    return 1_234_567 if name.endswith(("_rupiah", "_count", "_bytes", "_years", "_minutes")) else "xyz."


def test_the_codes_are_unique_over_the_house() -> None:
    assert len(CODES) > 60
    assert len({code.value for code in CODES}) == len(CODES)


def test_there_is_a_sentence_for_each_code_and_none_without() -> None:
    assert set(SENTENCES) == set(CODES)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.value)
def test_a_sentence_is_complete_in_both_languages(code: StrEnum) -> None:
    values = {name: sample(name) for name in PLACEHOLDER.findall(str(SENTENCES[code]))}
    said = []
    for language in ("id", "en"):
        with override(language):
            said.append(sentence(Refusal(code, values)))
    assert said[0] != said[1]
    for text in said:
        assert text.endswith("."), text
        assert "%" not in text and "None" not in text
    for name in values:
        shown = (
            "Rp1.234.567" if name.endswith("_rupiah") else "19 November 2020" if isinstance(values[name], date) else ""
        )
        assert shown in said[0] and shown in said[1]


def test_nobody_is_told_to_choose_a_training_for_nothing() -> None:
    refusal = Refusal(RefusalCode.ABOVE_BALANCE, {"price_rupiah": 50_000, "balance_rupiah": 0})
    with override("en"):
        assert (
            sentence(refusal) == "This training costs Rp50.000 and your balance is used up. Only free trainings fit it."
        )


def test_a_code_without_a_sentence_is_an_error() -> None:
    class Unheard(StrEnum):
        OF = "unheard_of"

    with pytest.raises(KeyError):
        sentence(Refusal(Unheard.OF))
