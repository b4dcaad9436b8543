"""Whatever is sent to any operation: an answer or a problem, never a fault of ours."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.api.v2.openapi import document
from bekal.partners.models import CallBudget
from tests import factories
from tests.api.v2.calling import Caller, caller

pytestmark = pytest.mark.django_db
SCHEMAS = document()["components"]["schemas"]
OPERATIONS = [
    pytest.param(method.upper(), path, operation, id=operation["operationId"])
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]
ODD = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 2**63 - 1, [], {}, [[]]),
        *("", "0", "\u0661", "1e5", "\x7f", "=1+1", "\U0001f600", "a" * 301),
        *("2020-11-19T10:00:00+07:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2020-11-19T10:00:00"),
    ]
)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that nearly fit: the right names, and now and then what does not belong there."""
    if "$ref" in schema:
        return values(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of(*[values(each) for each in schema["anyOf"]])
    if schema.get("type") == "object" and "properties" not in schema:
        return st.dictionaries(st.text(max_size=10), ODD, max_size=3)
    if schema.get("type") == "object":
        inner = {name: values(each) | ODD for name, each in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=inner | {"extra": ODD})
    if schema.get("type") == "array":
        return st.lists(values(schema["items"]) | ODD, max_size=3)
    if schema.get("type") == "integer":
        return st.integers(schema.get("minimum", -5), min(schema.get("maximum", 5), 2**40))
    return st.text(max_size=30) | st.just("2020-11-19T10:00:00+07:00") | ODD


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_any_input_has_an_answer(method: str, path: str, operation: dict[str, Any]) -> None:
    training = factories.training(session_count=2)
    purchase_id = factories.redeemed(factories.accepted()[0], training)
    institution = caller(training.institution)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    queries = [each for each in operation["parameters"] if each.get("in") == "query"]
    address = path.removeprefix("/api/v2").replace("{purchase}", str(purchase_id)).replace("{training}", training.code)
    address = address.replace("{key_id}", institution.key_id)

    @settings(max_examples=12, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def sent(data: st.DataObject) -> None:
        CallBudget.objects.all().delete()
        raw = json.dumps(data.draw(values(body) | ODD)).encode() if body else b""
        query = "&".join(
            f"{each['name']}={data.draw(st.sampled_from(['', '0', '1', '-1', '%00', '%F0%9F%98%80', 'x' * 999]))}"
            for each in queries
            if data.draw(st.booleans())
        )
        response = Caller(institution.key_id).call(method, address, query=query, raw=raw)
        assert response.status_code < 500, (raw, query, response.content)
        assert json.loads(response.content)

    sent()


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_a_nul_in_any_parameter_is_named(method: str, path: str, operation: dict[str, Any]) -> None:
    """PostgreSQL refuses to look for one: it must not get so far."""
    names = [each["name"] for each in operation["parameters"] if each.get("in") == "query"]
    training = factories.training()
    institution = caller(training.institution)
    for name in names:
        address = path.removeprefix("/api/v2").replace("{training}", training.code)
        raw = b"<a/>" if "requestBody" in operation else b""
        response = institution.call(
            method, address, query=f"{name}=a%00", raw=raw, **{"Content-Type": "application/xml"}
        )
        assert response.status_code in (400, 422, 403), (name, response.content)
        if response.status_code != 403:
            assert json.loads(response.content)["errors"][0]["parameter"] == name


@pytest.mark.parametrize("host", ["@&^O", "elsewhere.example", ""])
def test_a_host_that_is_not_ours_is_a_problem_too(client: Client, host: str) -> None:
    response = client.post("/api/v2/webhooks", {}, content_type="application/json", headers={"host": host})
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert response.json()["type"] == "/api/v2/problems/request_unreadable"
