"""`manage mass-run plan | approve | cancel | stop | work | list`: a verb over many people, from the command line."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from bekal.accounts.models import Role, User
from bekal.core.money import format_rupiah
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_now
from bekal.lifecycle.mass_runs import (
    MassRunState,
    MassState,
    Progress,
    approve_mass_run,
    ask_to_stop_mass_run,
    cancel_mass_run,
    keep_mass_run,
    mass_run,
    mass_runs,
    plan_mass_run,
    stop_mass_run,
    work,
)
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.refusals import MassRefusal
from bekal.participants.models import Wave

NAMES = [operation.value.replace("_", "-") for operation in MassRun.Operation]
HINTS = {
    MassRefusal.NOTHING_DUE: "nobody is due for it now",
    MassRefusal.RUN_OPEN: "a run of this operation is open: approve, work, cancel or stop it first",
    MassRefusal.ALREADY_APPROVED: "an approved run is stopped by two officers: `manage mass-run stop`",
    MassRefusal.NOT_APPROVED: "nobody has approved it: `manage mass-run cancel`",
    MassRefusal.STOP_NOT_ASKED: "nobody has asked to stop it: ask with --because",
    MassRefusal.STOP_SAME_PERSON: "who asked to stop a run cannot agree to it: name another officer",
    MassRefusal.SAME_PERSON: "who planned a run cannot approve it: name another officer",
    MassRefusal.WAVE_MISSING: "name the wave with --wave",
    MassRefusal.YEAR_UNKNOWN: "name the year of acceptance with --year",
}


class Command(BaseCommand):
    help = "Plan, approve, cancel, stop, work and list runs of a verb over many people."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        plan = actions.add_parser("plan", help="put everybody who is due on a sealed list")
        plan.add_argument("operation", choices=NAMES)
        plan.add_argument("--wave", type=int, metavar="N", help="accept-wave: the number of the wave")
        plan.add_argument("--year", type=int, metavar="Y", help="close-year: the year of acceptance")
        plan.add_argument("--officer", metavar="LOGIN", help="who plans it; left out: the programme itself")
        for name, summary in (("approve", "a second person agrees to the list"), ("cancel", "drop a run")):
            action = actions.add_parser(name, help=summary)
            action.add_argument("run", type=int)
            action.add_argument("--officer", metavar="LOGIN", required=True, help="who does so")
        stop = actions.add_parser("stop", help="end an approved run: ask with --because, else agree to it")
        stop.add_argument("run", type=int)
        stop.add_argument("--officer", metavar="LOGIN", required=True, help="who does so")
        way = stop.add_mutually_exclusive_group()
        way.add_argument("--because", metavar="TEXT", help="ask, and say why; another officer has to agree")
        way.add_argument("--drop", action="store_true", help="drop the request instead: the work goes on")
        worker = actions.add_parser("work", help="do what is approved, chunk by chunk; several may work at once")
        worker.add_argument("run", type=int, nargs="?", help="only this run")
        actions.add_parser("list", help="the newest runs")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _plan(self, options: dict[str, Any]) -> None:
        officer_id = self._officer_id(options["officer"]) if options["officer"] else None
        parameters: dict[str, Any] = {}
        if options["wave"] is not None:
            parameters["wave_id"] = Wave.objects.filter(number=options["wave"]).values_list("pk", flat=True).first()
            if parameters["wave_id"] is None:
                raise CommandError(f"There is no wave {options['wave']}.")
        if options["year"] is not None:
            parameters["year"] = options["year"]
        operation = options["operation"].replace("-", "_")
        planned = plan_mass_run(
            operation=operation, planned_by_id=officer_id, at=programme_now(), parameters=parameters
        )
        self._stop_at(planned.refusal)
        self._tell(planned.run_id or 0)

    def _approve(self, options: dict[str, Any]) -> None:
        run = self._run(options["run"])
        officer_id = self._officer_id(options["officer"])
        self._stop_at(
            approve_mass_run(run_id=run.run_id, officer_id=officer_id, list_sha256=run.list_sha256, at=programme_now())
        )
        self._tell(run.run_id)

    def _cancel(self, options: dict[str, Any]) -> None:
        run = self._run(options["run"])
        officer_id = self._officer_id(options["officer"])
        self._stop_at(cancel_mass_run(run_id=run.run_id, officer_id=officer_id, at=programme_now()))
        self._tell(run.run_id)

    def _stop(self, options: dict[str, Any]) -> None:
        run = self._run(options["run"])
        officer_id, at = self._officer_id(options["officer"]), programme_now()
        if options["because"] is not None:
            because = options["because"]
            self._stop_at(ask_to_stop_mass_run(run_id=run.run_id, officer_id=officer_id, because=because, at=at))
            self.stdout.write("Asked. Another officer has to agree: `manage mass-run stop` without --because.")
        elif options["drop"]:
            self._stop_at(keep_mass_run(run_id=run.run_id))
        else:
            self._stop_at(stop_mass_run(run_id=run.run_id, officer_id=officer_id, because=run.stop_because, at=at))
            self.stdout.write(f"Stopped, because: {run.stop_because}")
        self._tell(run.run_id)

    def _work(self, options: dict[str, Any]) -> None:
        if options["run"] is not None and self._run(options["run"]).state is MassState.WAITING:
            raise CommandError(f"Run {options['run']} waits for a second person: `manage mass-run approve` first.")
        with tqdm(desc="chunks", unit=" chunks", file=sys.stderr, disable=options["verbosity"] < 1) as bar:

            def told(progress: Progress) -> None:
                bar.total, bar.n = progress.chunk_count, progress.done_chunk_count
                bar.set_description(f"run {progress.run_id}", refresh=False)
                bar.set_postfix_str(f"{progress.done_count:,} done, {format_rupiah(progress.done_rupiah)}")

            worked = work(run_id=options["run"], at=programme_now(), progress=told)
        moved = format_rupiah(worked.total_rupiah)
        self.stdout.write(f"Worked {worked.chunk_count:,} chunks: {worked.subject_count:,} done, {moved}.")
        if worked.failed_chunk_count:
            raise CommandError(
                f"{worked.failed_chunk_count:,} chunks failed and stay free: work again, or see the list."
            )

    def _list(self, options: dict[str, Any]) -> None:
        found = mass_runs(limit=20)
        for run in found:
            self.stdout.write(_line(run))
        if not found:
            self.stdout.write("There is no mass run yet.")

    def _tell(self, run_id: int) -> None:
        run = self._run(run_id)
        self.stdout.write(f"{_line(run)}\nSHA-256 of the list: {run.list_sha256.hex()}")

    def _run(self, run_id: int) -> MassRunState:
        run = mass_run(run_id) if abs(run_id) < 2**63 else None
        if run is None:
            raise CommandError(f"There is no mass run {run_id}: `manage mass-run list` shows them.")
        return run

    def _officer_id(self, login_name: str) -> int:
        found = User.objects.filter(login_name=login_name, role=Role.OFFICER, is_active=True).first()
        if found is None:
            raise CommandError(f"{login_name!r} is no officer's user name.")
        return found.pk

    def _stop_at(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            values = ", ".join(f"{name} {value}" for name, value in refusal.values.items())
            hint = HINTS.get(MassRefusal(refusal.code), "") if isinstance(refusal.code, MassRefusal) else ""
            raise CommandError(" · ".join(part for part in (f"Refused: {refusal.code}", values, hint) if part))


def _line(run: MassRunState) -> str:
    failed = f", {run.failed_chunk_count:,} failed" if run.failed_chunk_count else ""
    undone = f"; left undone: {run.undone_count:,}" if run.state is MassState.STOPPED else ""
    return (
        f"Run {run.run_id}  {run.operation.replace('_', ' ')}  {run.state}: {run.subject_count:,} on the list, "
        f"{format_rupiah(run.total_rupiah)}; {run.done_chunk_count:,} of {run.chunk_count:,} chunks done{failed}: "
        f"{run.done_count:,}, {format_rupiah(run.done_rupiah)}{undone}"
    )
