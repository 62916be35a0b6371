"""Tools that answer with each kind of content, report progress, write log lines or fail."""

import asyncio

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY, ClientCapabilities, SamplingCapability

from construction_mcp.core.errors import Invalid
from construction_mcp.core.ports import Changes, Content, Log, Progress
from construction_mcp.core.toolset import tool

from .samples import IMAGE, WAV_BASE64, embedded

_PAUSE_S = 0.05  # the suite wants to see messages arrive one by one


def text(words: str) -> Content:
    return Content([{"type": "text", "text": words}])


@tool(effect="read")
async def test_simple_text() -> Content:
    """Answer with text."""
    return text("This is a simple text response for testing.")


@tool(effect="read")
async def test_image_content() -> Content:
    """Answer with an image."""
    return Content([IMAGE])


@tool(effect="read")
async def test_audio_content() -> Content:
    """Answer with a sound."""
    return Content([{"type": "audio", "data": WAV_BASE64, "mimeType": "audio/wav"}])


@tool(effect="read")
async def test_embedded_resource() -> Content:
    """Answer with an embedded resource."""
    return Content([embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")])


@tool(effect="read")
async def test_multiple_content_types() -> Content:
    """Answer with text, an image and an embedded resource."""
    data = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return Content([{"type": "text", "text": "Multiple content types test:"}, IMAGE, data])


@tool(effect="read")
async def test_error_handling() -> Content:
    """Fail on purpose."""
    raise Invalid("This tool intentionally returns an error for testing")


@tool(effect="read")
async def test_tool_with_progress(*, progress: Progress) -> Content:
    """Report 0, 50 and 100 of 100."""
    for done in (0, 50, 100):
        await progress.report(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(_PAUSE_S)
    return text("Tool with progress executed successfully")


@tool(effect="read")
async def test_tool_with_logging(*, log: Log) -> Content:
    """Write three log lines to the client."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await log.write("info", line)
        await asyncio.sleep(_PAUSE_S)
    return text("Tool with logging executed successfully")


@tool(effect="read")
async def test_logging_tool(*, log: Log) -> Content:
    """Write one log line, which a client that did not ask for any must not get."""
    await log.write("error", "Nobody asked for this line")
    return text("Logged")


@tool(effect="workspace")
async def test_trigger_tool_change(*, changes: Changes) -> Content:
    """Say that the list of tools changed."""
    await changes.listing_changed("tools")
    return text("The tools changed")


@tool(effect="workspace")
async def test_trigger_prompt_change(*, changes: Changes) -> Content:
    """Say that the list of prompts changed."""
    await changes.listing_changed("prompts")
    return text("The prompts changed")


@tool(effect="read")
async def test_missing_capability(*, context: ServerRequestContext) -> Content:
    """Need sampling, and refuse a client that did not declare it."""
    if not context.session.check_client_capability(ClientCapabilities(sampling=SamplingCapability())):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs the sampling capability.",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return text("The client can sample")
