"""The manifest says what the code says."""

import json
from typing import Annotated

import jsonschema
import pytest

from construction_mcp.core.toolset import tool
from construction_mcp.registry.build import build, builtin_packages, input_schema, manifest_path, manifest_text
from construction_mcp.registry.manifest import Manifest, shallow
from construction_mcp.registry.signature import read_signature
from tests.registry.sample.tools import Echo


def test_committed_manifests_equal_their_code() -> None:
    for package in builtin_packages():
        assert manifest_path(package).read_text(encoding="utf-8") == manifest_text(build(package)), package


def test_a_manifest_survives_its_json(manifest: Manifest) -> None:
    assert Manifest.from_json(json.loads(manifest_text(manifest))).to_json() == manifest.to_json()


def test_arguments_are_closed_described_and_never_null(manifest: Manifest) -> None:
    schema = next(one for one in manifest.tools if one.name == "echo").input_schema

    assert schema["additionalProperties"] is False
    assert schema["required"] == ["text"]
    assert schema["properties"]["text"] == {"type": "string", "maxLength": 50, "description": "Text to say back"}
    assert schema["properties"]["due_on"] == {"type": "string", "format": "date", "description": "A date"}


def test_absent_values_are_absent_from_the_output_schema(manifest: Manifest) -> None:
    schema = next(one for one in manifest.tools if one.name == "echo").output_schema

    assert schema["required"] == ["text"]
    jsonschema.validate({"text": "a"}, schema)


def test_a_property_called_title_is_kept(manifest: Manifest) -> None:
    definitions = next(one for one in manifest.tools if one.name == "list_notes").output_schema["$defs"]

    assert set(definitions["Note"]["properties"]) == {"id", "title", "body"}


def test_the_listed_schema_is_closed_above_and_open_below(manifest: Manifest) -> None:
    listed = shallow(next(one for one in manifest.tools if one.name == "list_notes").output_schema)

    assert set(listed["properties"]) == {"items", "next_cursor", "total", "truncated"}
    jsonschema.validate({"items": [{"anything": 1}], "total": 3}, listed)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"items": [], "more": True}, listed)


def test_annotations_follow_the_effect(manifest: Manifest) -> None:
    hints = {one.name: one.annotations for one in manifest.tools}

    assert hints["echo"]["readOnlyHint"]
    assert hints["echo"]["idempotentHint"]
    assert not hints["write_note"]["readOnlyHint"]
    assert hints["shout"] == {
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": False,
        "openWorldHint": True,
    }


def test_an_argument_without_description_is_refused() -> None:
    @tool(effect="read")
    async def bare(size: int) -> Echo:
        """Do it."""
        return Echo(str(size))

    with pytest.raises(TypeError, match="'size' needs a description"):
        input_schema("here:bare", read_signature(bare))


def test_a_tool_without_annotation_is_refused() -> None:
    async def bare(size) -> Echo:  # type: ignore[no-untyped-def]  # the point of the test
        return Echo(str(size))

    with pytest.raises(TypeError, match="needs an annotation"):
        read_signature(bare)


def test_the_star_divides_sent_from_injected() -> None:
    async def both(size: Annotated[int, "Size"], *, text: Echo) -> Echo:
        return text

    signature = read_signature(both)

    assert [one.name for one in signature.sent] == ["size"]
    assert dict(signature.injected) == {"text": Echo}
