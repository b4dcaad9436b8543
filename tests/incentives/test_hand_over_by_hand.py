"""Files that an officer hands over are noted once, and what a partner may have is left alone."""

import pytest

from bekal.incentives.hand_over_by_hand import hand_over_by_hand
from bekal.incentives.models import PayoutSending
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, earners, exported

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def somebody(db: None) -> None:
    earners(1)


def test_a_file_is_handed_over_by_hand_once_and_later_where_the_partner_was_closed() -> None:
    (file,) = exported().files
    assert hand_over_by_hand(file_ids=[file.file_id], at=EXPORTED_AT, closed_words="Tutup.") == 1
    assert hand_over_by_hand(file_ids=[file.file_id, 10**9], at=SETTLED_AT) == 1
    assert hand_over_by_hand(file_ids=[file.file_id], at=SETTLED_AT) == 0, "what it has is not handed over again"
    rows = PayoutSending.objects.order_by("id").values_list("outcome", "words")
    assert list(rows) == [("not_there", "Tutup."), ("taken", "")]


def test_what_may_have_arrived_is_not_handed_over_by_hand() -> None:
    (file,) = exported().files
    for outcome in ("begun", "unknown", "refused"):
        PayoutSending.objects.create(
            file_id=file.file_id, act="hand_over", outcome=outcome, words="", noted_at=SETTLED_AT
        )
        assert hand_over_by_hand(file_ids=[file.file_id], at=SETTLED_AT) == 0, outcome
