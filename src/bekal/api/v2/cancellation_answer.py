"""How a purchase ends early, and where its price goes, as the preview and the cancellation answer it."""

from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.problems import Problem, refused
from bekal.purchases.end_purchases import EndOutcome
from bekal.purchases.refusals import PurchaseRefusal


class CancellationAnswer(Output):
    """The price split: earned for the sessions attended, and refunded, never in cash."""

    purchase: int = Field(examples=[4711])
    ending: str = Field(json_schema_extra={"enum": ["refunded", "partial", "attended"]})
    earned_rupiah: int = Field(
        description="Owed to the institution, pro rata by the sessions attended.", examples=[75000]
    )
    refunded_rupiah: int = Field(examples=[225000])
    refunded_to: str | None = Field(
        description="The participant's training balance while that lives, else the state treasury; null: nothing.",
        json_schema_extra={"enum": ["training_balance", "treasury", None]},
    )
    repeated: bool = Field(description="It had ended so before.")


def cancellation_answer(outcome: EndOutcome) -> CancellationAnswer:
    """As it leaves; a Problem where it was refused."""
    if outcome.refusal is not None:
        if outcome.refusal.code == PurchaseRefusal.UNKNOWN_PURCHASE:
            raise Problem("purchase_not_found", {"purchase": outcome.purchase_id})
        raise refused(outcome.refusal)
    assert outcome.ending is not None
    refunded_to = "training_balance" if outcome.to_balance else "treasury"
    return CancellationAnswer(
        purchase=outcome.purchase_id,
        ending=outcome.ending.value,
        earned_rupiah=outcome.earned_rupiah,
        refunded_rupiah=outcome.refunded_rupiah,
        refunded_to=refunded_to if outcome.refunded_rupiah else None,
        repeated=outcome.repeated,
    )
