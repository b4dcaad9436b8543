"""Where a webhook may go: nothing inside a network of ours is reached, however it is written."""

import pytest
from django.test import override_settings

from bekal.partners.refusals import PartnerRefusal
from bekal.partners.webhook_address import place_of, refusal_of_url

INSIDE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "[::1]",
    "[fd00::1]",
    "[fe80::1]",
    "[::ffff:10.0.0.1]",
    "224.0.0.1",
    "255.255.255.255",
    # Addresses of IPv6 that carry one of IPv4 inside, and one of a site.
    "[64:ff9b::a00:1]",
    "[2002:a00:1::]",
    "[::10.0.0.1]",
    "[fec0::1]",
    # As resolvers read them: all of them this machine.
    "2130706433",
    "0x7f.1",
    "127.1",
]


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_refused(host: str) -> None:
    refusal = refusal_of_url(f"https://{host}/hook", is_sandbox=False)
    assert refusal is not None and refusal.code == PartnerRefusal.URL_NOT_PUBLIC
    assert place_of("https://lembaga.example/", is_sandbox=False, resolve=lambda *_: [host.strip("[]")]) is None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://lembaga.example/", PartnerRefusal.URL_NOT_HTTPS),
        ("ftp://lembaga.example/", PartnerRefusal.URL_NOT_HTTPS),
        ("https://", PartnerRefusal.URL_UNREADABLE),
        ("https://u:p@lembaga.example/", PartnerRefusal.URL_UNREADABLE),
        ("https://lembaga.example/#x", PartnerRefusal.URL_UNREADABLE),
        ("https://lembaga.example:99999/", PartnerRefusal.URL_UNREADABLE),
        ("https://lembaga.example:0/", PartnerRefusal.URL_UNREADABLE),
        ("https://lembaga.example/a b", PartnerRefusal.URL_UNREADABLE),
        ("https://lembaga.example/\r\nX: y", PartnerRefusal.URL_UNREADABLE),
        ("https://lembagá.example/", PartnerRefusal.URL_UNREADABLE),
        ("https://[::1", PartnerRefusal.URL_UNREADABLE),
        ("https://lembaga.example/" + "a" * 500, PartnerRefusal.URL_UNREADABLE),
    ],
)
def test_what_is_no_address_is_refused(url: str, code: PartnerRefusal) -> None:
    refusal = refusal_of_url(url, is_sandbox=False)
    assert refusal is not None and refusal.code == code


def test_a_name_is_looked_up_once_and_what_was_found_is_connected_to() -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["93.184.216.34", "2606:2800:220:1::1"]

    place = place_of("https://lembaga.example:8443/hook?a=1", is_sandbox=False, resolve=resolve)
    assert place is not None
    assert (place.ip, place.host, place.port, place.target) == ("93.184.216.34", "lembaga.example", 8443, "/hook?a=1")
    assert asked == [("lembaga.example", 8443)]


def test_a_name_that_leads_inside_too_is_refused() -> None:
    both = ["93.184.216.34", "10.0.0.1"]
    assert place_of("https://lembaga.example/", is_sandbox=False, resolve=lambda *_: both) is None
    assert place_of("https://lembaga.example/", is_sandbox=False, resolve=lambda *_: []) is None


def test_a_public_address_inside_another_is_reached_as_it_was_found() -> None:
    """Where the net speaks IPv6 alone, the way out is the address that its resolver made."""
    found = "64:ff9b::5db8:d822"
    place = place_of("https://lembaga.example/", is_sandbox=False, resolve=lambda *_: [found])
    assert place is not None and place.ip == found


def test_only_a_demos_sandbox_reaches_this_machine() -> None:
    here = "http://127.0.0.1:9000/"
    assert refusal_of_url(here, is_sandbox=True) is not None
    with override_settings(DEMO=True):
        assert refusal_of_url(here, is_sandbox=True) is None
        assert refusal_of_url(here, is_sandbox=False) is not None
        assert place_of(here, is_sandbox=True) is not None
        assert refusal_of_url("http://10.0.0.1/", is_sandbox=True) is not None


@pytest.mark.parametrize("host", ["lembaga.example", "93.184.216.34", "localhost.lembaga.example"])
def test_without_tls_a_demos_sandbox_reaches_this_machine_alone(host: str) -> None:
    with override_settings(DEMO=True):
        refusal = refusal_of_url(f"http://{host}/hook", is_sandbox=True)
        assert refusal is not None and refusal.code == PartnerRefusal.URL_NOT_HTTPS
        assert place_of(f"http://{host}/", is_sandbox=True, resolve=lambda *_: ["93.184.216.34"]) is None
        assert refusal_of_url("http://localhost:9000/hook", is_sandbox=True) is None
