"""The carriers, each against a server that speaks its wire format."""

import base64
import json
import socket
from email import message_from_bytes, policy
from urllib.parse import parse_qs

import pytest

from bekal.messaging.channels import CarrierAddressError, Delivery, Letter, Verdict, carriers
from bekal.messaging.channels.carrier import international
from bekal.messaging.models import Channel
from tests.messaging.fake_carriers import answer, http_gateway, smtp_server

LETTER = Letter("bekal-7", "0812-3456-7890", "123456 adalah kode Bekal — jangan berikan.", "id")
MAIL = Letter("bekal-8", "siti@contoh.id", "Kelas Anda pindah ke pukul 10.00 — sampai jumpa.", "id")


def sent_by(channel: Channel, address: str, letter: Letter) -> Delivery:
    return carriers({channel.value: address}, demo=False)[channel].deliver(letter)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_letter_by_mail_arrives_whole() -> None:
    with smtp_server() as (post, port):
        delivery = sent_by(Channel.EMAIL, f"smtp://127.0.0.1:{port}?from=bekal@contoh.id", MAIL)
    assert delivery == Delivery(Verdict.TAKEN, "bekal-8")
    message = message_from_bytes(post.received[0], policy=policy.default)
    assert (message["To"], message["From"]) == ("siti@contoh.id", "bekal@contoh.id")
    assert message["Message-ID"] == "<bekal-8@contoh.id>", "the same number at every attempt"
    body = message.get_body()
    assert body is not None and body.get_content().strip() == MAIL.text


@pytest.mark.parametrize(
    ("verb", "told", "verdict"),
    [
        ("RCPT", "550 no such mailbox", Verdict.ADDRESS_REFUSED),
        ("RCPT", "450 try later", Verdict.LATER),
        ("DATA", "554 not from you", Verdict.MESSAGE_REFUSED),
        ("DATA", "451 not now", Verdict.LATER),
        ("END", "552 too large", Verdict.MESSAGE_REFUSED),
        ("MAIL", "530 sign in first", Verdict.LATER),
        ("MAIL", "550 not from you", Verdict.MESSAGE_REFUSED),
        ("MAIL", "nonsense", Verdict.LATER),
    ],
)
def test_what_a_mail_server_refuses_is_told_apart(verb: str, told: str, verdict: Verdict) -> None:
    with smtp_server() as (post, port):
        post.mail_answers[verb] = told
        assert sent_by(Channel.EMAIL, f"smtp://127.0.0.1:{port}?from=a@b.id", MAIL).verdict is verdict


def test_an_address_cannot_add_a_header() -> None:
    with smtp_server() as (post, port):
        letter = Letter("bekal-9", "a@b.id\r\nBcc: lain@contoh.id", "x", "id")
        delivery = sent_by(Channel.EMAIL, f"smtp://127.0.0.1:{port}?from=a@b.id", letter)
    assert (delivery.verdict, post.received) == (Verdict.ADDRESS_REFUSED, [])


def test_an_sms_is_what_the_gateway_expects() -> None:
    with http_gateway() as (post, port):
        delivery = sent_by(Channel.SMS, f"http://AC1:to%2Fken@127.0.0.1:{port}/?from=%2B62811", LETTER)
    assert delivery == Delivery(Verdict.TAKEN, "SM1")
    ((path, headers, body),) = post.received
    assert path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"AC1:to/ken"
    assert parse_qs(body) == {"To": ["+6281234567890"], "From": ["+62811"], "Body": [LETTER.text]}


def test_a_whatsapp_message_is_an_approved_template_with_the_text_in_its_place() -> None:
    with http_gateway() as (post, port):
        post.http_answer = answer(200, {"messages": [{"id": "wamid.1"}]})
        address = f"http://tok@127.0.0.1:{port}/v21.0/55?template=pesan"
        delivery = sent_by(Channel.WHATSAPP, address, Letter("bekal-7", "+62 811", "dua\n\nbaris", "en"))
    assert delivery == Delivery(Verdict.TAKEN, "wamid.1")
    ((path, headers, body),) = post.received
    assert (path, headers["Authorization"]) == ("/v21.0/55/messages", "Bearer tok")
    told = json.loads(body)
    assert (told["messaging_product"], told["to"], told["type"]) == ("whatsapp", "62811", "template")
    assert told["template"] == {
        "name": "pesan",
        "language": {"code": "en"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "dua baris"}]}],
    }


@pytest.mark.parametrize(
    ("channel", "status", "told", "verdict"),
    [
        (Channel.SMS, 400, {"code": 21211}, Verdict.ADDRESS_REFUSED),
        (Channel.SMS, 400, {"code": 21610}, Verdict.ADDRESS_REFUSED),
        (Channel.SMS, 400, {"code": 21602}, Verdict.MESSAGE_REFUSED),
        (Channel.SMS, 401, {"code": 20003}, Verdict.LATER),
        (Channel.SMS, 429, {"code": 20429}, Verdict.LATER),
        (Channel.SMS, 500, [], Verdict.LATER),
        (Channel.SMS, 302, {}, Verdict.LATER),
        (Channel.WHATSAPP, 400, {"error": {"code": 131026}}, Verdict.ADDRESS_REFUSED),
        (Channel.WHATSAPP, 400, {"error": {"code": 132001}}, Verdict.MESSAGE_REFUSED),
        (Channel.WHATSAPP, 400, {"error": {"code": 131056}}, Verdict.LATER),
        (Channel.WHATSAPP, 400, {"error": "gone"}, Verdict.LATER),
        (Channel.WHATSAPP, 503, None, Verdict.LATER),
        (Channel.WHATSAPP, 200, {"messages": []}, Verdict.TAKEN),
    ],
)
def test_what_a_gateway_refuses_is_told_apart(channel: Channel, status: int, told: object, verdict: Verdict) -> None:
    with http_gateway() as (post, port):
        post.http_answer = answer(status, told)
        query = "from=%2B62811" if channel is Channel.SMS else "template=pesan"
        assert sent_by(channel, f"http://AC1:t@127.0.0.1:{port}/v1?{query}", LETTER).verdict is verdict


def test_a_gateway_that_speaks_nonsense_or_is_not_there_means_later() -> None:
    with http_gateway() as (post, port):
        post.http_answer = (201, b"<html>")
        assert sent_by(Channel.SMS, f"http://AC1:t@127.0.0.1:{port}/?from=1", LETTER).verdict is Verdict.LATER
    port = closed_port()
    for channel, address in (
        (Channel.SMS, f"http://AC1:t@127.0.0.1:{port}/?from=1"),
        (Channel.WHATSAPP, f"http://t@127.0.0.1:{port}/v1?template=a"),
        (Channel.EMAIL, f"smtp://127.0.0.1:{port}?from=a@b.id"),
    ):
        assert sent_by(channel, address, LETTER if channel is not Channel.EMAIL else MAIL).verdict is Verdict.LATER


def test_a_channel_without_an_address_has_no_carrier_but_in_the_demo() -> None:
    assert carriers({"sms": "", "email": ""}, demo=False) == {}
    assert set(carriers({}, demo=True)) == set(Channel)
    assert carriers({}, demo=True)[Channel.SMS].deliver(LETTER) == Delivery(Verdict.TAKEN, "demo")


@pytest.mark.parametrize(
    ("channel", "address", "named"),
    [
        ("email", "smtp://host", "BEKAL_SMTP_URL"),
        ("email", "http://host?from=a@b.id", "BEKAL_SMTP_URL"),
        ("sms", "https://api.contoh.id/?from=1", "BEKAL_SMS_URL"),
        ("sms", "https://a:b@api.contoh.id/", "BEKAL_SMS_URL"),
        ("whatsapp", "https://token@graph.contoh.id/?template=a", "BEKAL_WHATSAPP_URL"),
        ("whatsapp", "https://token@graph.contoh.id/v1/5", "BEKAL_WHATSAPP_URL"),
    ],
)
def test_an_address_that_leads_nowhere_is_named(channel: str, address: str, named: str) -> None:
    with pytest.raises(CarrierAddressError, match=named):
        carriers({channel: address}, demo=False)


def test_no_secret_shows_when_a_carrier_or_a_letter_is_printed() -> None:
    addresses = {
        "email": "smtps://u:rahasia@host?from=a@b.id",
        "sms": "https://a:rahasia@host/?from=1",
        "whatsapp": "https://rahasia@host/v1?template=a",
    }
    printed = repr(carriers(addresses, demo=False)) + repr(LETTER)
    assert "rahasia" not in printed and "123456" not in printed and "0812" not in printed


@pytest.mark.parametrize("written", ["081234567890", "0812-3456-7890", "+62 812 3456 7890", "6281234567890"])
def test_a_number_is_dialled_the_same_however_it_is_written(written: str) -> None:
    assert international(written) == "+6281234567890"
