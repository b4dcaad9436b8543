"""Why a training is recommended, in sentences: a share is only told of the people it is of."""

from bekal.recommender.reasons import ReasonKind, ShownReason, WhyThis
from bekal.web.reasons import reason_sentence, why


def after(share_percent: int | None) -> ShownReason:
    return ShownReason(ReasonKind.AFTER, 40, 50, 60, 900, share_percent, training_id=7)


def test_a_share_of_those_after_a_training_is_never_told_of_all() -> None:
    told = reason_sentence(after(80), {7: "Barista"}, "Kopi")
    assert told == "80% yang menyelesaikan “Barista” juga menyelesaikan ini"
    for share in (80, 0, None):
        assert reason_sentence(after(share), {8: "Lain"}, "Kopi") == "Kopi: kategori yang cocok untukmu"


def test_without_a_number_no_people_are_said_to_stand_behind_it() -> None:
    told = WhyThis(after(80), (), (), (), is_explored=False)
    shown = why(told, titles={}, category="Kopi", price_rupiah=0, balance_rupiah=0)
    assert shown.points[0] == f"{shown.sentence}."
    known = why(told, titles={7: "Barista"}, category="Kopi", price_rupiah=0, balance_rupiah=0)
    assert known.points[0] != f"{known.sentence}."
