"""Resources, prompts and a completion."""

from collections.abc import Mapping
from typing import Annotated, Any

from construction_mcp.core.toolset import completes, prompt, resource

from .samples import IMAGE, PNG, embedded


@resource("test://static-text", mime_type="text/plain")
async def static_text() -> str:
    """A text that never changes."""
    return "This is the content of the static text resource."


@resource("test://static-binary", mime_type="image/png")
async def static_binary() -> bytes:
    """An image that never changes."""
    return PNG


@resource("test://template/{id}/data")
async def template_data(id: str) -> dict[str, Any]:  # noqa: A002  the suite names the template's part
    """Data made from the address."""
    return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}


@resource("test://watched-resource", mime_type="text/plain", subscribable=True)
async def watched_resource() -> str:
    """A text that can be subscribed to."""
    return "Watched resource content"


@prompt()
async def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@prompt()
async def test_prompt_with_arguments(
    arg1: Annotated[str, "First test argument"], arg2: Annotated[str, "Second test argument"]
) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@prompt()
async def test_prompt_with_embedded_resource(
    resourceUri: Annotated[str, "Address of the resource to embed"],  # noqa: N803  the suite names the argument
) -> list[tuple[str, str | Mapping[str, Any]]]:
    """A prompt with a resource in it."""
    block = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [("user", block), ("user", "Please process the embedded resource above.")]


@prompt()
async def test_prompt_with_image() -> list[tuple[str, str | Mapping[str, Any]]]:
    """A prompt with an image in it."""
    return [("user", IMAGE), ("user", "Please analyze the image above.")]


@completes("test_prompt_with_arguments", "arg1")
async def cities(prefix: str) -> list[str]:
    """Words that begin with `prefix`."""
    return [word for word in ("paris", "park", "party") if word.startswith(prefix)]
