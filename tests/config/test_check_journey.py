"""`manage check-journey` believes what it reads over a socket; of the books it asks only whether the year went on."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import CommandError, call_command

from bekal.lifecycle.end_balances import end_balances
from tests import factories

pytestmark = pytest.mark.django_db
SIGN_IN = '<h1>Masuk</h1><form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="abc"><br></form>'
CARD = (
    '<article class="card link training"><h3><a href="/pelatihan/{0}/">T</a></h3>'
    '<p class="price"><strong>{1}</strong></p></article>'
)
HOME = (
    '<section class="purse"><p class="amount"><span class="num bare-amount">{balance}</span></p></section>'
    '<section aria-labelledby="for-you">{cards}</section>'
    '<section aria-labelledby="other"><article class="training">Rp9.000.000</article></section>'
)
Serve = Callable[..., str]


def home(balance: str = "Rp300.000", prices: tuple[str, ...] = ("Rp300.000", "Gratis", "Rp24.000")) -> str:
    cards = "".join(CARD.format(number, price) for number, price in enumerate(prices))
    return HOME.format(balance=balance, cards=cards)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(home_page, sign_in_page)` is the address of a server that shows these pages."""
    servers: list[ThreadingHTTPServer] = []

    def start(home_page: str, sign_in_page: str = SIGN_IN, status: int = 200) -> str:
        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = (sign_in_page if self.path == "/masuk/" else home_page).encode()
                self.send_response(status if self.path == "/masuk/" else 200)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                right = "login_name=peserta" in form and "csrfmiddlewaretoken=abc" in form
                self.send_response(302)
                self.send_header("Location", "/beranda/" if right else "/masuk/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Pages))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_demo_as_it_should_be(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check-journey", base_url=serve(home()))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith("3 trainings are recommended, the dearest at Rp300.000")


def test_a_demo_that_was_walked_past_the_end_of_the_balance(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    (participation_id,) = factories.accepted()
    factories.bought(participation_id, factories.training())
    factories.signed_in_participant(participation_id, login_name="peserta")
    assert end_balances(at=factories.jakarta(2020, 12, 16)).participation_count == 1
    call_command("check-journey", base_url=serve(home(balance="Rp0", prices=())))
    assert "a simulation has walked past its end" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"shows a balance of Rp300.000, not Rp0"):
        call_command("check-journey", base_url=serve(home()))


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (home(balance="Rp299.999"), "shows a balance of Rp299.999, not Rp300.000"),
        (home(prices=("Rp1.000", "Rp2.000")), "recommends 2 trainings, fewer than 3"),
        (home(prices=("Rp1", "Rp2", "Rp300.001")), "costs more than the balance: /pelatihan/2/ at Rp300.001"),
        (home(prices=("Rp1", "Rp2", "about Rp3")), '"about Rp3" is not a price'),
        ("<p>nothing</p>", "has no <p>"),
    ],
)
def test_a_wrong_beranda_is_told_in_a_sentence(shown: str, told: str, serve: Serve) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("check-journey", base_url=serve(shown))


def test_no_sign_in_is_told_in_a_sentence(serve: Serve) -> None:
    with pytest.raises(CommandError, match="answered 500"):
        call_command("check-journey", base_url=serve(home(), status=500))
    with pytest.raises(CommandError, match="led to /masuk/, not to /beranda/"):
        call_command("check-journey", base_url=serve(home(), SIGN_IN.replace("abc", "old")))
    with pytest.raises(CommandError, match=r"did not answer with a page: .*refused"):
        call_command("check-journey", base_url="http://127.0.0.1:9")
    with pytest.raises(CommandError, match="write it like http://"):
        call_command("check-journey", base_url="127.0.0.1:8000")
