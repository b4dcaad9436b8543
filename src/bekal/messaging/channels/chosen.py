"""Which carrier takes which channel: by addresses in the settings; in the demo the rest stays in a letter box."""

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from bekal.messaging.channels.carrier import Carrier, Delivery, Letter, Verdict
from bekal.messaging.channels.sms import Sms
from bekal.messaging.channels.smtp import Smtp
from bekal.messaging.channels.whatsapp import WhatsApp
from bekal.messaging.models import Channel

SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class CarrierAddressError(ValueError):
    """An address in the settings that leads to no carrier; the message says which and how to mend it."""


class LetterBox:
    """The demo's carrier: takes everything, sends nothing; people read it at /demo/pesan/."""

    def deliver(self, letter: Letter) -> Delivery:
        return Delivery(Verdict.TAKEN, "demo")


def carriers(addresses: Mapping[str, str], *, demo: bool) -> dict[Channel, Carrier]:
    """The carrier of each channel that has an address; in the demo the letter box for those that have none.

    `addresses`: by channel. Raises CarrierAddressError for an address that cannot be one.
    """
    chosen: dict[Channel, Carrier] = {}
    for channel in Channel:
        address = addresses.get(channel.value, "")
        if address:
            chosen[channel] = MAKERS[channel](urlsplit(address), parse_qs(urlsplit(address).query))
        elif demo:
            chosen[channel] = LetterBox()
    return chosen


def _smtp(parts: SplitResult, options: Mapping[str, list[str]]) -> Carrier:
    sender = _only(options, "from")
    if parts.scheme not in SMTP_PORTS or not parts.hostname or "@" not in sender:
        raise CarrierAddressError(
            "BEKAL_SMTP_URL must look like smtp+starttls://user:password@host:587?from=bekal@example.id "
            "(smtp, smtp+starttls or smtps)"
        )
    port = parts.port or SMTP_PORTS[parts.scheme]
    return Smtp(
        parts.scheme, parts.hostname, port, sender, unquote(parts.username or ""), unquote(parts.password or "")
    )


def _sms(parts: SplitResult, options: Mapping[str, list[str]]) -> Carrier:
    sender = _only(options, "from")
    if parts.scheme not in ("http", "https") or not parts.username or not parts.password or not sender:
        raise CarrierAddressError("BEKAL_SMS_URL must look like https://account:token@api.twilio.com/?from=%2B6281…")
    return Sms(_base(parts), unquote(parts.username), unquote(parts.password), sender)


def _whatsapp(parts: SplitResult, options: Mapping[str, list[str]]) -> Carrier:
    template = _only(options, "template")
    if parts.scheme not in ("http", "https") or not parts.username or not parts.path.strip("/") or not template:
        raise CarrierAddressError(
            "BEKAL_WHATSAPP_URL must look like https://token@graph.facebook.com/v21.0/PHONE_NUMBER_ID?template=NAME"
        )
    return WhatsApp(_base(parts), unquote(parts.username), template)


def _base(parts: SplitResult) -> str:
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _only(options: Mapping[str, list[str]], name: str) -> str:
    return options.get(name, [""])[0]


MAKERS: dict[Channel, Callable[[SplitResult, Mapping[str, list[str]]], Carrier]] = {
    Channel.EMAIL: _smtp,
    Channel.SMS: _sms,
    Channel.WHATSAPP: _whatsapp,
}
