"""What a toolset's author writes. Read this, then any `toolsets/<name>/tools.py`.

A tool is a plain async function. Before the `*` stand the arguments a model sends, after it what the house injects by
annotation. The decorator only attaches data: nothing is registered, nothing imported, until `registry.build` writes the
toolset's `manifest.json`, which is what a running server lists.

    @tool(effect="read", listed=True)
    async def list_overdue_rfis(project_id: Annotated[int, "Procore project id"], *, clock: Clock) -> Page[OverdueRfi]:
        \"\"\"List open RFIs past their due date, oldest first, with who holds the ball.\"\"\"

What a model reads is graded in CI (`python -m tests.conformance.run linters`), and the graders want no more than this:
- Docstring: starts with an imperative verb ("List", not "Lists", "Listing", "This tool" or "The"), 20 to 500
  characters, says when to use a sibling instead. No Markdown, bullets, URL, JSON, "e.g.", "will", "Note:", "...".
- Every argument is described in 10 to 300 characters that say more than its name and end in a word. With four or more
  choices, name them. A default is added to the text for you.
- An optional choice has a default that is one of the choices (`Literal["open", "any"] = "any"`), an optional flag
  `= False`; texts and lists that may not be empty have `min_length=1`, `limit` and `page` both bounds.
- At most three required values. Fields of nested models are described too; required ones are listed without their
  inside (`registry/brief.py`), so say which tool shows the shape.
- No "export", "dump" or "leak" before "file", "key", "token" or "context": a scanner takes it for theft.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from construction_mcp.core.types import Role

Function = TypeVar("Function", bound=Callable[..., Any])

Effect = Literal["read", "workspace", "outside", "dispatch"]
"""`read` changes nothing; `workspace` changes only this data directory; `outside` changes Procore or reaches people and
passes the gate; `dispatch` calls another tool, whose own effect then counts."""

ATTRIBUTE = "__construction_mcp__"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What the decorator says about a tool; the rest is read from its signature and docstring."""

    effect: Effect
    role: Role
    listed: bool
    title: str | None
    destructive: bool
    idempotent: bool
    open_world: bool
    fields: bool
    summary_to: str | None
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class ResourceSpec:
    """A resource or a resource template: `{name}` parts of `uri` become arguments of the function."""

    uri: str
    role: Role
    title: str | None
    mime_type: str
    subscribable: bool


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """A prompt: the function's string arguments are the prompt's arguments; it returns text or `(role, text)` pairs."""

    role: Role
    title: str | None


@dataclass(frozen=True, slots=True)
class CompletionSpec:
    """Completes one argument: `ref` is a prompt's name or a resource template's URI."""

    ref: str
    argument: str


def tool(
    *,
    effect: Effect,
    role: Role | None = None,
    listed: bool = False,
    title: str | None = None,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
    fields: bool = False,
    summary_to: str | None = None,
    timeout_s: float | None = None,
) -> Callable[[Function], Function]:
    """Mark a function as a tool.

    role: the least role that may call it; viewer for reads and builder for the rest unless given.
    listed: whether it is in the default listing, which every conversation pays for.
    destructive, idempotent, open_world: the MCP annotations of the same names; a read is idempotent by nature.
    fields: give the tool a `fields` argument that trims each item of its answer; dispatch applies it.
    summary_to: the last field of an item that a caller is shown who asks for no `fields`; workflows are given all.
    timeout_s: seconds after which the call is stopped; the house limit unless given.
    """
    least = role or (Role.VIEWER if effect in ("read", "dispatch") else Role.BUILDER)
    return _attach(
        ToolSpec(
            effect,
            least,
            listed,
            title,
            destructive,
            idempotent or effect == "read",
            open_world,
            fields,
            summary_to,
            timeout_s,
        )
    )


def resource(
    uri: str,
    *,
    role: Role = Role.VIEWER,
    title: str | None = None,
    mime_type: str = "application/json",
    subscribable: bool = False,
) -> Callable[[Function], Function]:
    """Mark a function as a resource. It returns a str, bytes, or anything that becomes JSON."""
    return _attach(ResourceSpec(uri, role, title, mime_type, subscribable))


def prompt(*, role: Role = Role.VIEWER, title: str | None = None) -> Callable[[Function], Function]:
    """Mark a function as a prompt."""
    return _attach(PromptSpec(role, title))


def completes(ref: str, argument: str) -> Callable[[Function], Function]:
    """Mark a function as the completion of one argument: `async def f(prefix: str, *, ...) -> list[str]`."""
    return _attach(CompletionSpec(ref, argument))


def _attach(spec: object) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        setattr(function, ATTRIBUTE, spec)
        return function

    return mark
