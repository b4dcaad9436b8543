"""Beli lewat platform: the start code is shown once it is wanted, again when asked again, and can be withdrawn."""

import re
from collections.abc import Callable

import pytest

from bekal.catalogue.models import Training
from bekal.partners.models import PurchaseIntent
from tests import factories
from tests.factories import jakarta
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
CODE = re.compile(r"\b[2-9A-HJ-KM-NP-TV-Z]{4}(?:-[2-9A-HJ-KM-NP-TV-Z]{4}){3}\b")


@pytest.fixture
def person(db: None) -> int:
    return factories.accepted(at=jakarta(2020, 11, 1))[0]


@pytest.fixture
def training(db: None) -> Training:
    return factories.training(price_rupiah=400_000, title="Barista", platform=factories.platform(name="Karier"))


def test_the_start_code_is_the_same_until_it_is_withdrawn(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    assert "Beli di Karier saja" in text_of(visitor.open("training", training.pk))
    page = visitor.open("platform_start", training.pk)
    assert not CODE.search(page)
    first = visitor.send("platform_start", training.pk, price_rupiah=400_000)
    shown = CODE.search(first)
    assert shown is not None and "<svg" in first and "style=" not in first
    assert "sebelum pukul 10.30 WIB" in text_of(first)
    assert shown[0] in visitor.send("platform_start", training.pk, price_rupiah=400_000)
    assert PurchaseIntent.objects.count() == 1
    assert shown[0].replace("-", "").encode() not in bytes(PurchaseIntent.objects.get().code_encrypted)
    assert not CODE.search(visitor.send("platform_start", training.pk, action="withdraw"))
    again = CODE.search(visitor.send("platform_start", training.pk, price_rupiah=400_000))
    assert again is not None and again[0] != shown[0]


def test_nobody_agrees_to_a_price_they_did_not_see(person: int, training: Training, sign_in: SignIn) -> None:
    page = sign_in(person).send("platform_start", training.pk, price_rupiah=1, expect=422)
    assert "Rp400.000" in text_of(page)
    assert not PurchaseIntent.objects.exists()


def test_a_training_that_no_platform_sells(person: int, sign_in: SignIn) -> None:
    training = factories.training()
    visitor = sign_in(person)
    assert "Tidak ada platform digital" in text_of(visitor.open("platform_start", training.pk))
    visitor.send("platform_start", training.pk, price_rupiah=300_000, expect=422)
    visitor.open("platform_start", 999_999, expect=404)


def test_ten_an_hour(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    for _ in range(10):
        visitor.send("platform_start", training.pk, price_rupiah=400_000)
        visitor.send("platform_start", training.pk, action="withdraw")
    assert "10 kode mulai" in text_of(visitor.send("platform_start", training.pk, price_rupiah=400_000, expect=422))
