"""What holds for every page: one language at a time, small, no rubbish, safe headers."""

import gzip
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import polib
import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import reverse

from bekal.incentives.entitle import entitle
from tests import factories
from tests.factories import jakarta
from tests.factories.serving import serving_model
from tests.ui.msgids import SOURCE
from tests.web.conftest import Visitor, text_of

HTML_BUDGET = 15 * 1024
FILLED_IN = re.compile(r"%\(\w+\)[sd]|<[^>]+>|%%")
RUBBISH = re.compile(r"\bNone\b|\bnan\b|\{\{|\{%|%\(\w+\)s|object at 0x")
Page = Callable[[Visitor, str], str]


@pytest.fixture
def visitor(db: None) -> Visitor:
    """A participant in the middle of everything: a proven training, one to review, one to redeem, money left."""
    trainings = [factories.training(price_rupiah=60_000 * n, title=f"Kopi nomor {n}") for n in range(1, 15)]
    for place, person in enumerate(factories.accepted(6)):
        factories.reviewed(person, trainings[place % 4])
    (person,) = factories.accepted(at=jakarta(2020, 10, 1))
    factories.reconciled(person, trainings[0], at=jakarta(2020, 10, 5))
    entitle(at=jakarta(2020, 10, 10))
    factories.completed(person, trainings[1], at=jakarta(2020, 11, 1))
    factories.bought(person, trainings[2], at=jakarta(2020, 11, 18))
    serving_model(at=jakarta(2020, 11, 18) + timedelta(hours=12))
    visitor = Visitor()
    visitor.force_login(factories.signed_in_participant(person))
    return visitor


def addresses(visitor: Visitor) -> list[str]:
    """Every page a participant can open, each kind once."""
    listed = visitor.open("trainings")
    training = re.findall(r'href="(/pelatihan/\d+/)"', listed)
    mine = re.findall(r'href="(/pelatihanku/\d+/)"', visitor.open("purchases"))
    receipts = re.findall(r'href="(/riwayat/\d+/)"', visitor.open("history"))
    assert training and len(mine) == 3 and len(receipts) >= 4
    names = ("home", "trainings", "purchases", "incentives", "surveys", "account", "payout_account", "help")
    names += ("demo_outbox", "history", "spending")
    fixed = [reverse(f"web:{name}") for name in names]
    surveys = [reverse("web:survey", args=[number]) for number in (1, 2)]
    complaint = reverse("web:complaint", args=["incentive", 1])
    return [
        *fixed,
        *mine,
        *surveys,
        complaint,
        receipts[0],
        "/riwayat/?dompet=insentif",
        training[-1],
        training[-1] + "beli/",
        "/pelatihan/?q=zzz",
        "/pelatihan/?q=zzz&all=1",
        "/x/",
    ]


def pages(visitor: Visitor) -> dict[str, str]:
    with override_settings(DEMO=True):
        found = {address: visitor.get(address).content.decode() for address in addresses(visitor)}
        visitor.send(
            "buy",
            int(re.findall(r"\d+", next(each for each in found if each.endswith("beli/")))[0]),
            price_rupiah="x",
            expect=422,
        )
        found["check refused"] = visitor.last.content.decode()
        found["account refused"] = visitor.send("payout_account", expect=422)
        new = {"partner": "ovo", "number": "081200000077", "holder_name": "Siti Rahayu"}
        found["account, code"] = visitor.send("payout_account", **new)
        found["account, code refused"] = visitor.send("payout_account", expect=422, code="", **new)
        found["limits refused"] = visitor.open("spending", query="?count=x&hours=-1", expect=422)
        found["survey refused"] = visitor.send("survey", 1, expect=422)
        visitor.send("personalisation", on="0")
        found["switched off"] = visitor.open("home")
        found["switched off, account"] = visitor.open("account")
        found["survey answered"] = visitor.send("survey", 1, employment="employee", effective="yes", helped="yes")
        stranger = Visitor().speak(str(visitor.last.headers["Content-Language"]))
        found["sign in refused"] = stranger.send("sign_in", expect=422)
    return found


def telling_parts(side: str) -> set[str]:
    """The longest fixed part of every text on one side (msgid or msgstr) that the other language would not say."""
    parts = set()
    for room in ("ui", "web"):
        for entry in polib.pofile(str(SOURCE / room / "locale/id/LC_MESSAGES/django.po")):
            indonesian = entry.msgstr or entry.msgstr_plural[0]
            said, other = (entry.msgid, indonesian) if side == "msgid" else (indonesian, entry.msgid)
            longest = max((part.strip() for part in FILLED_IN.split(said)), key=len)
            if len(longest) >= 8 and longest.casefold() not in other.casefold():
                parts.add(" ".join(longest.split()))
    return parts


@pytest.mark.parametrize(("language", "foreign"), [("id", "msgid"), ("en", "msgstr")])
def test_a_page_speaks_one_language(visitor: Visitor, language: str, foreign: str) -> None:
    parts = telling_parts(foreign)
    assert len(parts) > 300
    visitor.speak(language)
    for address, page in pages(visitor).items():
        if address == reverse("web:demo_outbox"):
            continue  # a message keeps the language it was sent in
        assert f'<html lang="{language}">' in page, address
        text = text_of(re.sub(r'<option.*?</option>|placeholder="[^"]*"', "", page))
        mixed = [part for part in parts if re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text)]
        assert mixed == [], f"{address} says {mixed}"


def test_a_page_is_small_whole_and_without_rubbish(visitor: Visitor) -> None:
    for address, page in pages(visitor).items():
        size = len(gzip.compress(page.encode()))
        assert size <= HTML_BUDGET, f"{address} has {size} bytes"
        assert page.count("<h1") == 1, address
        assert not (found := RUBBISH.search(text_of(page))), f"{address} says {found}"
        names = re.findall(r'\bid="([^"]+)"', page)
        assert len(names) == len(set(names)), f"{address} repeats an id"
        for anchor in re.findall(r'href="#([^"]+)"', page):
            assert f'id="{anchor}"' in page, f"{address} links to #{anchor}"


def test_a_page_is_not_kept_and_names_its_policy(visitor: Visitor) -> None:
    response = visitor.get("/beranda/")
    assert "no-store" in response.headers["Cache-Control"] and "private" in response.headers["Cache-Control"]
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"


def test_any_query_gives_an_answer(visitor: Visitor) -> None:
    for query in ("%00=%00", "a=1&" * 900, "page=%F0%28%8C%28", "language=xx", "next=//x", "=&=&=", "q=" + "%00" * 200):
        for address in (
            "/beranda/",
            "/pelatihanku/",
            "/insentif/",
            "/riwayat/",
            "/akun/",
            "/bantuan/",
            "/akun/rekening/",
        ):
            assert visitor.get(f"{address}?{query}").status_code == 200, (address, query)
        assert visitor.get(f"/?{query}").status_code == 302
        assert visitor.get(f"/bahasa/?{query}").status_code == 405


def test_too_many_fields_are_refused_with_a_page(visitor: Visitor) -> None:
    fields: dict[str, Any] = {f"f{n}": "x" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    response = visitor.post("/akun/rekening/", fields)
    assert response.status_code == 400
    assert "Alamat ini tidak terbaca" in text_of(response.content.decode())
