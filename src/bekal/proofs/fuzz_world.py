"""What the cases are about: the programme of `prove access`, a payout run whose partner has not answered yet, and the
sandboxes of its partners."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Training
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.ledger.clock import programme_now, set_programme_clock
from bekal.participants.models import Participation
from bekal.partners.models import Partner
from bekal.partners.open_sandbox import TestCode
from bekal.partners.sandbox_keys import sandbox_access
from bekal.partners.world import sandbox_connection, world_of_partner
from bekal.proofs.access_world import AccessWorld, access_world
from bekal.proofs.fuzz_watch import undone
from bekal.proofs.partner_calls import PartnerSystem, system_of
from bekal.proofs.race_runs import PAID_AT, PAID_ON
from bekal.purchases.models import Purchase
from bekal.simulation.fake_partner import answer


@dataclass(frozen=True, slots=True)
class Books:
    """The programme's or the sandbox's: who calls there (clients of v2 by kind, one of v1), and what exists there.
    Inside `undo` a call leaves nothing behind."""

    name: str
    systems: dict[str, PartnerSystem]
    first_generation: PartnerSystem
    purchase_ids: tuple[int, ...]
    redeem_codes: tuple[str, ...]
    training_code: str
    undo: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class FuzzWorld:
    """`status_file`: what the partner of the payout run, whose `instructions` it is, would answer."""

    access: AccessWorld
    run_id: int
    instructions: bytes
    status_file: bytes
    nik: str
    live: Books
    sandbox: Books


def fuzz_world() -> FuzzWorld:
    """Build it in a scratch database with a sandbox beside it; everybody who is earned something waits for a payout
    that is on its way."""
    access = access_world()
    planner, approver = access.world.officer_ids[:2]
    planned = plan_payout_run(planned_for=PAID_ON, officer_id=planner, at=PAID_AT)
    if planned.run_id is None or planned.list_sha256 is None:
        raise RuntimeError(f"the world of the cases could not be built: {planned}")
    approve_payout_run(run_id=planned.run_id, officer_id=approver, list_sha256=planned.list_sha256, at=PAID_AT)
    (file,) = export_payout_run(run_id=planned.run_id, at=PAID_AT, proof_limit=None).files
    set_programme_clock(at=PAID_AT)
    owner = Participation.objects.select_related("participant").get(pk=access.redeemed.participation_id)
    live = _live(access)
    return FuzzWorld(
        access=access,
        run_id=planned.run_id,
        instructions=file.content,
        status_file=answer(file.content),
        nik=decrypt(bytes(owner.participant.nik_encrypted)),
        live=live,
        sandbox=_sandbox(live),
    )


def _live(access: AccessWorld) -> Books:
    institution = system_of(access.institution)
    return Books(
        name="",
        systems={"institution": institution, "platform": system_of(access.platform)},
        first_generation=system_of(access.institution, generation=1),
        purchase_ids=(access.redeemed.purchase_id, access.unused.purchase_id),
        redeem_codes=(access.unused.redeem_code, access.redeemed.redeem_code),
        training_code=Training.objects.values_list("code", flat=True).get(pk=access.redeemed.training_id),
        undo=undone,
    )


def _sandbox(live: Books) -> Books:
    """The same partners, each in the sandbox of its own, with codes of every fate."""
    systems: dict[str, PartnerSystem] = {}
    first_generation = live.first_generation
    codes: tuple[TestCode, ...] = ()
    for kind, system in live.systems.items():
        opened = sandbox_access(partner_id=system.partner_id, at=programme_now())
        if opened.refusal is not None:
            raise RuntimeError(f"no sandbox for the cases: {opened.refusal}")
        for key in opened.keys:
            made = replace(system, key_id=key.client_code, secret=key.secret)
            if key.generation == 1:
                first_generation = made
            else:
                systems[kind] = made
                made.call("GET", "/me")  # the partner's rows there are made at its first call
        codes += opened.codes
    partner = Partner.objects.get(pk=live.systems["institution"].partner_id)
    with world_of_partner(partner, is_sandbox=True) as world:
        bought = Purchase.objects.filter(training__institution=world.institution_id).order_by("pk")
        purchase_ids = tuple(bought.values_list("pk", flat=True))
    return Books(
        name="sandbox ",
        systems=systems,
        first_generation=first_generation,
        purchase_ids=purchase_ids,
        redeem_codes=tuple(code.redeem_code for code in codes),
        training_code=codes[0].training_code,
        undo=undone_in_both,
    )


@contextmanager
def undone_in_both() -> Iterator[None]:
    """Nothing stays, neither in the programme's database nor in the sandbox."""
    sandbox = sandbox_connection()
    with undone():
        with _leading_to(sandbox):
            block: Any = transaction.atomic()
            block._from_testcase = True
            block.__enter__()
        try:
            yield
        finally:
            with _leading_to(sandbox):
                if not sandbox.closed_in_transaction:
                    transaction.set_rollback(True)
                block.__exit__(None, None, None)


@contextmanager
def _leading_to(wrapper: Any) -> Iterator[None]:
    before = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = wrapper
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = before
