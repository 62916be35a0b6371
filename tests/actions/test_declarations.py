"""What every action type of this installation says about itself holds together."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from construction_mcp.actions.action import Setting
from construction_mcp.actions.catalogue import Catalogue

CATALOGUE = Catalogue()
NAMES = CATALOGUE.names()


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for key, inner in schema.items():
            yield from (part for one in inner.values() for part in parts(one)) if key == "properties" else parts(inner)
    elif isinstance(schema, list):
        for one in schema:
            yield from parts(one)


@pytest.mark.parametrize("name", NAMES)
def test_config_and_output_are_json_schemas(name: str) -> None:
    described = CATALOGUE.describe(name)

    assert described is not None
    for schema in (described["config"], described["output"]):
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_closed_and_says_what_each_field_is(name: str) -> None:
    described = CATALOGUE.describe(name)

    assert described is not None
    config = described["config"]
    undescribed = [field for field, schema in config["properties"].items() if not schema.get("description")]
    assert config["additionalProperties"] is False
    assert undescribed == []


@pytest.mark.parametrize("name", NAMES)
def test_an_output_is_written_out_and_requires_every_field_it_names(name: str) -> None:
    """So that an expression can name every field, and none that is not there."""
    described = CATALOGUE.describe(name)

    assert described is not None
    for part in parts(described["output"]):
        assert "$ref" not in part
        if "properties" in part:
            assert (set(part["required"]), part["additionalProperties"]) == (set(part["properties"]), False)


@pytest.mark.parametrize("name", NAMES)
def test_a_doc_is_one_imperative_sentence(name: str) -> None:
    found = CATALOGUE.get(name)

    assert found is not None
    assert found.doc.endswith(".")
    assert found.doc.count(". ") == 0
    assert found.doc[0].isupper()
    assert not found.doc.split()[0].endswith("s")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", [None, [], {}, "{{ vars.x }}", -1, 1.5, True, [None], "all_active", "²", ["7", "²"]])
def test_what_is_written_wrongly_is_still_talked_about(name: str, odd: Any) -> None:
    """The compiler finds the mistake; saying what the action would do must not stumble over it."""
    found = CATALOGUE.get(name)
    assert found is not None
    written = dict.fromkeys(found.config.model_fields, odd)

    for setting in (Setting(), Setting(7, (7, 8))):
        assert found.words is None or found.words(written, setting)
        assert all(consent.target for consent in found.consents(written, setting))
        assert all(need.tool for need in found.needs(written, setting))
        assert found.requests(written, setting) >= 0
    assert found.effect_of(written) in ("read", "write", "notify", "pure", "wait")
