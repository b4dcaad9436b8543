"""The OpenAPI document is valid, complete, and true."""

import json
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from django.test import Client
from schemathesis.specs.openapi.definitions import OPENAPI_31

from bekal.api.v2.endpoint import ENDPOINTS
from bekal.api.v2.openapi import document, endpoints, problems_of
from bekal.api.v2.problems import catalogue

OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def test_the_document_is_open_to_all_and_valid() -> None:
    response = Client().get("/api/v2/openapi.json")
    found = json.loads(response.content)
    assert (response.status_code, found["openapi"]) == (200, "3.1.0")
    jsonschema_rs.validator_for(OPENAPI_31).validate(found)
    assert found == json.loads(json.dumps(document()))


def test_schemathesis_reads_every_operation() -> None:
    loaded = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
    read = {operation.ok().label for operation in loaded.get_all_operations()}
    assert len(read) == sum(len(methods) for methods in ENDPOINTS.values()) == len(OPERATIONS)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_examples_fit_their_schemas(path: str, method: str, operation: dict[str, Any]) -> None:
    medias = [m for r in operation["responses"].values() for m in r.get("content", {}).values()]
    medias += operation.get("requestBody", {}).get("content", {}).values()
    assert medias
    for media in medias:
        if media["schema"].get("format") == "binary":
            continue
        schema = {**media["schema"], "components": document()["components"]}
        given = [media["example"]] if "example" in media else [each["value"] for each in media["examples"].values()]
        for example in given:
            jsonschema_rs.validate(schema, example)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_everything(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"] and operation["description"] and operation["tags"]
    assert {"401", "403", "406", "413", "422", "429", "500"} <= operation["responses"].keys()
    named = {parameter.get("$ref", "").rpartition("/")[2] for parameter in operation["parameters"]}
    assert ("IdempotencyKey" in named) == (method != "get")
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        assert any(parameter.get("name") == name for parameter in operation["parameters"])


def test_a_body_in_pieces_is_refused_everywhere_and_every_operation_says_so() -> None:
    """The door asks before it knows whether the operation reads a body."""
    assert all("length_required" in problems_of(endpoint) for endpoint in endpoints())


def test_every_problem_of_the_catalogue_is_somebodys() -> None:
    """But those that come before any operation is found; and nothing stands in the document that is not there."""
    named = {code for endpoint in endpoints() for code in (*problems_of(endpoint), *endpoint.line_problems)}
    declared = {code for endpoint in endpoints() for code in (*endpoint.problems, *endpoint.line_problems)}
    assert declared <= catalogue().keys()
    assert catalogue().keys() - named == {"address_unknown", "method_not_allowed"}
