"""What the cases are about: the programme of `prove access`, and a payout run whose partner has not answered yet."""

from dataclasses import dataclass

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Training
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.ledger.clock import set_programme_clock
from bekal.participants.models import Participation
from bekal.proofs.access_world import AccessWorld, access_world
from bekal.proofs.partner_calls import PartnerSystem, system_of
from bekal.proofs.race_runs import PAID_AT, PAID_ON
from bekal.simulation.fake_partner import answer


@dataclass(frozen=True, slots=True)
class FuzzWorld:
    """`status_file`: what the partner of the payout run would answer. `systems`: signed clients of v2 by kind."""

    access: AccessWorld
    run_id: int
    status_file: bytes
    nik: str
    training_code: str
    systems: dict[str, PartnerSystem]
    first_generation: PartnerSystem


def fuzz_world() -> FuzzWorld:
    """Build it in a scratch database; everybody who is earned something waits for a payout that is on its way."""
    access = access_world()
    planner, approver = access.world.officer_ids[:2]
    planned = plan_payout_run(planned_for=PAID_ON, officer_id=planner, at=PAID_AT)
    if planned.run_id is None or planned.list_sha256 is None:
        raise RuntimeError(f"the world of the cases could not be built: {planned}")
    approve_payout_run(run_id=planned.run_id, officer_id=approver, list_sha256=planned.list_sha256, at=PAID_AT)
    (file,) = export_payout_run(run_id=planned.run_id, at=PAID_AT, proof_limit=None).files
    set_programme_clock(at=PAID_AT)
    owner = Participation.objects.select_related("participant").get(pk=access.redeemed.participation_id)
    institution = system_of(access.institution)
    return FuzzWorld(
        access=access,
        run_id=planned.run_id,
        status_file=answer(file.content),
        nik=decrypt(bytes(owner.participant.nik_encrypted)),
        training_code=Training.objects.values_list("code", flat=True).get(pk=access.redeemed.training_id),
        systems={"institution": institution, "partner": institution, "platform": system_of(access.platform)},
        first_generation=system_of(access.institution, generation=1),
    )
