"""The conformance page: what signed sandbox calls have shown, what failed, and what has never been tried."""

import json

import pytest
from django.core.management import CommandError, call_command

from bekal.partners import conformance
from bekal.partners.conformance import (
    CheckResult,
    CheckState,
    begin_conformance_anew,
    conformance_of,
    last_calls,
    record_check,
    record_exchange,
)
from bekal.partners.conformance_checks import CHECKS, Exchange, checks_of, read_checks
from bekal.partners.count_call import count_call
from bekal.partners.models import ConformanceRecord, Partner, SandboxCall
from tests import factories
from tests.factories import ACCEPTED_AT, BOUGHT_AT, REDEEMED_AT
from tests.factories.partners import key_of, live_partner, sandbox_partner

STATUS = "payment/redeem-code/status"


@pytest.fixture
def partner(db: None) -> Partner:
    return sandbox_partner()


def call(outcome: str = "answered", *facts: str, operation: str = STATUS, status: int = 200) -> Exchange:
    return Exchange(1, operation, "POST", status, outcome, frozenset(facts))


def result(partner: Partner, code: str) -> CheckResult:
    (found,) = [each for each in conformance_of(partner).results if each.check.code == code]
    return found


def test_untried_then_failed_then_green_for_good(partner: Partner) -> None:
    key = key_of(partner)
    assert result(partner, "v1.status").state == CheckState.NOT_YET
    record_exchange(key=key, exchange=call("field_missing", status=422), at=ACCEPTED_AT)
    failed = result(partner, "v1.status")
    assert (failed.state, failed.at, failed.failure) == (CheckState.FAILED, ACCEPTED_AT, "field_missing")
    record_exchange(key=key, exchange=call("answered", "form_raw"), at=BOUGHT_AT)
    record_exchange(key=key, exchange=call("field_missing", status=422), at=REDEEMED_AT)
    green = result(partner, "v1.status")
    assert (green.state, green.at) == (CheckState.GREEN, BOUGHT_AT)
    assert result(partner, "v1.form.raw").state == CheckState.GREEN
    assert result(partner, "v1.commit").state == CheckState.NOT_YET


def test_a_refusal_that_is_there_to_be_shown_is_no_failure(partner: Partner) -> None:
    record_exchange(key=key_of(partner), exchange=call("code_not_found", status=404), at=ACCEPTED_AT)
    assert result(partner, "v1.refusal.code_not_found").state == CheckState.GREEN
    assert result(partner, "v1.status").state == CheckState.NOT_YET


def test_what_was_refused_before_it_was_known_whose_it_is_counts_by_the_day(partner: Partner) -> None:
    key, other = key_of(partner), key_of(sandbox_partner("LAIN"))
    count_call(key_id=other.pk, operation=STATUS, outcome="signature_wrong", at=ACCEPTED_AT)
    assert result(partner, "v1.refusal.signature").state == CheckState.NOT_YET
    count_call(key_id=key.pk, operation=STATUS, outcome="signature_wrong", at=ACCEPTED_AT)
    assert result(partner, "v1.refusal.signature").state == CheckState.GREEN
    live = key_of(live_partner(factories.institution()), is_sandbox=False)
    count_call(key_id=live.pk, operation=STATUS, outcome="timestamp_expired", at=ACCEPTED_AT)
    assert result(live.partner, "v1.refusal.timestamp").state == CheckState.NOT_YET


def test_of_some_checks_one_is_enough(partner: Partner) -> None:
    for check in checks_of("institution"):
        if not check.code.startswith("v1.form."):
            record_check(partner_id=partner.pk, check_code=check.code, at=ACCEPTED_AT)
    keys = {generation: key_of(partner, generation=generation) for generation in (1, 2)}
    for check in checks_of("institution"):
        if check.is_unsigned:
            key_id = keys[check.generation].pk
            count_call(key_id=key_id, operation="", outcome=check.outcomes[0], at=ACCEPTED_AT)
    assert not conformance_of(partner).is_complete
    record_check(partner_id=partner.pk, check_code="v1.form.go", at=ACCEPTED_AT)
    seen = conformance_of(partner)
    assert seen.is_complete
    assert not seen.is_all_green
    assert seen.green_count == len(seen.results) - 3


def test_a_live_call_leaves_nothing(partner: Partner) -> None:
    live = key_of(live_partner(factories.institution()), is_sandbox=False)
    record_exchange(key=live, exchange=call(), at=ACCEPTED_AT)
    assert not ConformanceRecord.objects.exists()
    assert not SandboxCall.objects.exists()


def test_calls_are_kept_newest_first_and_not_for_ever(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "CALLS_KEPT_COUNT", 3)
    key, other = key_of(partner), key_of(sandbox_partner("LAIN"))
    record_exchange(key=other, exchange=call(), at=ACCEPTED_AT)
    for number in range(5):
        record_exchange(key=key, exchange=call(status=200 + number), at=ACCEPTED_AT)
    assert [row.status for row in last_calls(partner_id=partner.pk, limit_count=10)] == [204, 203, 202]
    assert len(last_calls(partner_id=other.partner_id, limit_count=10)) == 1
    begin_conformance_anew(partner_id=partner.pk)
    assert not last_calls(partner_id=partner.pk, limit_count=10)
    assert result(partner, "v1.status").state == CheckState.NOT_YET


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {code: a}", "check 1: write code"),
        ("- {code: a, seen: {generation: 3, outcome: b}, id: x, en: x, next_id: x, next_en: x}", "check a: seen"),
        ("- {code: a, kind: b, seen: {generation: 1, fact: c}, id: x, en: x, next_id: x, next_en: x}", "kind is one"),
        ("- &x {code: a, seen: {generation: 1, fact: c}, id: x, en: x, next_id: x, next_en: x}\n- *x", "stand twice"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_checks(text)


def test_every_check_can_be_read_in_both_languages() -> None:
    for check in CHECKS:
        assert check.titles["id"] != check.titles["en"]
        assert check.advice["id"] != check.advice["en"]
        assert len(check.code) <= 60


def test_the_command_says_it_to_people_and_machines(partner: Partner, capsys: pytest.CaptureFixture[str]) -> None:
    record_exchange(key=key_of(partner), exchange=call("field_missing", status=422), at=ACCEPTED_AT)
    with pytest.raises(SystemExit) as ended:
        call_command("conformance", partner=partner.code)
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "failed   v1.status" in said
    assert "(field_missing)" in said
    with pytest.raises(SystemExit):
        call_command("conformance", "--json", partner=partner.code)
    told = json.loads(capsys.readouterr().out)
    assert (told["complete"], told["green_count"]) == (False, 0)
    assert {line["state"] for line in told["checks"]} == {"failed", "not_yet"}
    with pytest.raises(CommandError, match="no partner has this code"):
        call_command("conformance", partner="nobody")


def test_the_command_ends_well_where_everything_asked_is_green(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = [check for check in CHECKS if check.code in ("v1.status", "v1.form.raw", "v1.form.go")]
    monkeypatch.setattr(conformance, "checks_of", lambda kind: alone)
    for code in ("v1.status", "v1.form.raw"):
        record_check(partner_id=partner.pk, check_code=code, at=ACCEPTED_AT)
    call_command("conformance", partner=partner.code)
    assert "2 of 3 green" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        call_command("conformance", "--all", partner=partner.code)
