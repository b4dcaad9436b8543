from pathlib import Path

import pytest

from launcher import database, paths
from launcher.locks import Presence
from launcher.say import Refusal


def test_no_url_means_the_embedded_server(checkout: Path):
    assert database.own_url(checkout) is None


def test_own_server_is_taken_as_it_is(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    url = "postgresql://someone:secret@db.example:5433/bekal?sslmode=require"
    monkeypatch.setenv("DATABASE_URL", url)
    assert database.own_url(checkout) == url


def test_url_of_this_checkouts_server_is_not_an_own_one(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    data = checkout / ".local" / "postgres"
    data.mkdir(parents=True)
    socket = paths.socket_folder(checkout, data.stat().st_uid)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://bekal_owner@/bekal?host={socket}")
    assert database.own_url(checkout) is None


@pytest.mark.parametrize("url", ["mysql://host/bekal", "postgresql://host", "postgresql://host/", "bekal"])
def test_url_of_another_form_is_refused_with_an_example(checkout: Path, monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(Refusal, match="must look like postgresql://"):
        database.own_url(checkout)


def test_embedded_server_is_not_started_beside_an_own_one(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/bekal")
    with pytest.raises(Refusal, match="unset it first"):
        database.keep(checkout)
    assert not (checkout / ".local").exists()


def test_only_the_last_one_present_is_told_so(tmp_path: Path):
    first, second = Presence(tmp_path / "users"), Presence(tmp_path / "users")
    assert not first.leave()
    assert second.leave()
