"""Tools and a prompt that need several rounds of one call (2026-07-28, SEP-2322)."""

from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext

from construction_mcp.core.ports import Ask, Content, InputNeeded
from construction_mcp.core.toolset import prompt, tool

from .asking import form, told
from .content import text

_NAME = form({"name": {"type": "string"}}, "name")


def _sample(words: str) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=types.TextContent(text=words))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=100))


def _elicit(message: str) -> types.ElicitRequest:
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=_NAME))


def _answers(context: ServerRequestContext, wanted: Mapping[str, Any], state: str | None = None) -> Mapping[str, Any]:
    """The client's answers to `wanted`, or the end of this round."""
    given: Mapping[str, Any] = (context.params or {}).get("inputResponses") or {}
    if not wanted.keys() <= given.keys():
        raise InputNeeded(wanted, state)
    return given


@tool(effect="read")
async def test_input_required_result_elicitation(*, ask: Ask) -> Content:
    """Ask for a name and greet it."""
    answer = await ask.form("user_name", "What is your name?", _NAME)
    return text(f"Hello, {(answer.content or {}).get('name', 'stranger')}!")


@tool(effect="read")
async def test_input_required_result_sampling(*, context: ServerRequestContext) -> Content:
    """Ask the client's model for a capital."""
    answers = _answers(context, {"capital_question": _sample("What is the capital of France?")})
    return text(str(answers["capital_question"]))


@tool(effect="read")
async def test_input_required_result_list_roots(*, context: ServerRequestContext) -> Content:
    """Ask for the client's roots."""
    return text(str(_answers(context, {"client_roots": types.ListRootsRequest()})["client_roots"]))


@tool(effect="read")
async def test_input_required_result_request_state(*, ask: Ask) -> Content:
    """Ask for a confirmation and expect our state back with it."""
    await ask.form("confirm", "Please confirm", form({"ok": {"type": "boolean"}}, "ok"), state="awaiting")
    return text("state-ok" if ask.state == "awaiting" else "state-lost")


@tool(effect="read")
async def test_input_required_result_tampered_state(*, ask: Ask) -> Content:
    """Ask for a confirmation; the house refuses a state that is not ours before this runs again."""
    await ask.form("confirm", "Please confirm", form({"ok": {"type": "boolean"}}, "ok"), state="sealed")
    return text("state-ok")


@tool(effect="read")
async def test_input_required_result_multiple_inputs(*, context: ServerRequestContext) -> Content:
    """Ask the person, the model and for the roots in one round."""
    wanted = {
        "user_name": _elicit("What is your name?"),
        "greeting": _sample("Generate a greeting"),
        "client_roots": types.ListRootsRequest(),
    }
    return text(f"Got {', '.join(sorted(_answers(context, wanted, 'several')))}")


@tool(effect="read")
async def test_input_required_result_multi_round(*, ask: Ask) -> Content:
    """Ask twice, one round after the other; the state carries the first answer to the second."""
    name = ask.state
    if name in (None, "step1"):
        answer = await ask.form("step1", "Step 1: What is your name?", _NAME, state="step1")
        name = f"name:{(answer.content or {}).get('name')}"
    color = form({"color": {"type": "string"}}, "color")
    return told(str(name), await ask.form("step2", "Step 2: What is your favorite color?", color, state=name))


@tool(effect="read")
async def test_input_required_result_capabilities(*, context: ServerRequestContext) -> Content:
    """Ask only for what the client declared that it can do."""
    declared = context.session.client_capabilities or types.ClientCapabilities()
    wanted: dict[str, Any] = {}
    if declared.elicitation is not None:
        wanted["user_name"] = _elicit("What is your name?")
    if declared.sampling is not None:
        wanted["greeting"] = _sample("Generate a greeting")
    if declared.roots is not None:
        wanted["client_roots"] = types.ListRootsRequest()
    _answers(context, wanted)
    return text("Done")


@prompt()
async def test_input_required_result_prompt(*, ask: Ask) -> str:
    """Ask what the prompt should be about."""
    context = form({"context": {"type": "string"}}, "context")
    answer = await ask.form("user_context", "What context should the prompt use?", context)
    return f"Use this context: {(answer.content or {}).get('context')}"
