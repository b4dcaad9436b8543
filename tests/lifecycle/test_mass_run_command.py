"""`manage mass-run`: the same from the command line."""

import pytest
from django.core.management import CommandError, call_command

from bekal.lifecycle.models import MassRun
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def after_the_deadline(clock: StoppedClock) -> None:
    clock.set(2020, 5, 21)


def test_from_plan_to_done(capsys: pytest.CaptureFixture[str]) -> None:
    factories.accepted(2)
    factories.officer("petugas-satu")
    factories.officer("petugas-dua")
    call_command("mass-run", "plan", "revoke", "--officer", "petugas-satu")
    run = MassRun.objects.get()
    first, seal = capsys.readouterr().out.splitlines()
    assert first.startswith(f"Run {run.pk}  revoke  waiting: 2 on the list, Rp7.100.000;")
    assert seal == f"SHA-256 of the list: {bytes(run.list_sha256).hex()}"
    with pytest.raises(CommandError, match="cannot approve it"):
        call_command("mass-run", "approve", str(run.pk), "--officer", "petugas-satu")
    call_command("mass-run", "approve", str(run.pk), "--officer", "petugas-dua")
    assert "ready" in capsys.readouterr().out
    call_command("mass-run", "work", str(run.pk), verbosity=0)
    assert capsys.readouterr().out == "Worked 1 chunks: 2 done, Rp7.100.000.\n"
    assert Participation.objects.filter(revoked_at__isnull=False).count() == 2
    call_command("mass-run", "list")
    assert "finished: 2 on the list, Rp7.100.000; 1 of 1 chunks done: 2, Rp7.100.000" in capsys.readouterr().out
    with pytest.raises(CommandError, match="an approved run is stopped by two officers"):
        call_command("mass-run", "cancel", str(run.pk), "--officer", "petugas-dua")


def test_two_officers_stop_an_approved_run(capsys: pytest.CaptureFixture[str]) -> None:
    factories.accepted(2)
    officers = [factories.officer(f"petugas-{name}").login_name for name in ("satu", "dua", "tiga")]
    call_command("mass-run", "plan", "revoke", "--officer", officers[0])
    run_id = str(MassRun.objects.get().pk)
    with pytest.raises(CommandError, match="mass-run cancel"):
        call_command("mass-run", "stop", run_id, "--officer", officers[1], "--because", "Salah.")
    call_command("mass-run", "approve", run_id, "--officer", officers[1])
    with pytest.raises(CommandError, match="ask with --because"):
        call_command("mass-run", "stop", run_id, "--officer", officers[1])
    call_command("mass-run", "stop", run_id, "--officer", officers[1], "--because", "Keliru.")
    call_command("mass-run", "stop", run_id, "--officer", officers[2], "--drop")
    call_command("mass-run", "stop", run_id, "--officer", officers[1], "--because", "Salah.")
    with pytest.raises(CommandError, match="another officer"):
        call_command("mass-run", "stop", run_id, "--officer", officers[1])
    capsys.readouterr()
    call_command("mass-run", "stop", run_id, "--officer", officers[2])
    said, line, _seal = capsys.readouterr().out.splitlines()
    assert said == "Stopped, because: Salah." and line.endswith("0 of 1 chunks done: 0, Rp0; left undone: 2")
    call_command("mass-run", "work", verbosity=0)
    assert not Participation.objects.filter(revoked_at__isnull=False).exists()


def test_a_wave_is_accepted_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    factories.participants(3)
    factories.wave(number=77, quota_count=2)
    call_command("mass-run", "plan", "accept-wave", "--wave", "77")
    call_command("mass-run", "work", verbosity=0)
    assert "Worked 1 chunks: 2 done, Rp7.100.000." in capsys.readouterr().out


def test_the_bar_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    factories.participants(1)
    factories.wave(number=77)
    call_command("mass-run", "plan", "accept-wave", "--wave", "77")
    call_command("mass-run", "work")
    assert "1/1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "revoke"], "nobody is due"),
        (["plan", "accept-wave"], "--wave"),
        (["plan", "accept-wave", "--wave", "4711"], "no wave 4711"),
        (["plan", "close-year"], "--year"),
        (["plan", "close-year", "--year", "1999"], "--year"),
        (["plan", "revoke", "--officer", "nobody"], "no officer"),
        (["approve", "4711", "--officer", "nobody"], "no mass run 4711"),
        (["work", "4711"], "no mass run 4711"),
        (["work", str(2**63)], "no mass run"),
    ],
)
def test_a_misstep_says_how_to_mend_it(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("mass-run", *arguments)


def test_an_empty_list_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("mass-run", "list")
    assert capsys.readouterr().out == "There is no mass run yet.\n"
