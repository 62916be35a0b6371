"""A plan or a draft as a Mermaid flowchart, for people who look before they deploy.

Source: Mermaid, "Flowcharts - Basic Syntax": labels in double quotes, special characters as entity codes.
"""

from collections.abc import Iterable, Sequence

from construction_mcp.workflow.plan import Node, Plan

_SHAPES = {
    "read": ('[("', '")]'),
    "write": ('[["', '"]]'),
    "notify": ('>"', '"]'),
    "wait": ('(["', '"])'),
    "pure": ('["', '"]'),
}


def mermaid(plan: Plan) -> str:
    """The flowchart: the trigger, every action, what waits for what, and on which condition."""
    lines = ["flowchart TD", f'  trigger(["{_label(_trigger_words(plan))}"])']
    for node in plan.nodes:
        opening, closing = _SHAPES[node.effect]
        lines.append(f"  {_id(node.key)}{opening}{_label(f'{node.key}: {node.type}')}{closing}")
    for node in plan.nodes:
        lines.extend(_edges(node, plan.nodes))
    return "\n".join(lines) + "\n"


def _edges(node: Node, nodes: Sequence[Node]) -> Iterable[str]:
    """One arrow for each action that has to be over directly before; a condition stands on it."""
    said = f'|"{_label(node.condition)}"|' if node.condition else ""
    if not node.after:
        yield f"  trigger -->{said} {_id(node.key)}"
    reached = _reached_through(node, nodes)
    for key in node.after:
        if key not in reached:
            yes = '|"if approved"|' if key in node.guarded_by and not said else said
            yield f"  {_id(key)} -->{yes} {_id(node.key)}"


def _reached_through(node: Node, nodes: Sequence[Node]) -> set[str]:
    """Those of `after` that another of them waits for anyway: their arrows would say nothing new."""
    by_key = {one.key: one for one in nodes}
    return {before for key in node.after for before in by_key[key].after if before in node.after}


def _trigger_words(plan: Plan) -> str:
    trigger = plan.trigger
    if trigger["type"] == "schedule":
        return f"schedule {trigger['cron']} {trigger['timezone']}"
    return " ".join([trigger["type"], *trigger.get("resources", [])])


def _id(key: str) -> str:
    return f"step_{key}"  # `end` and `graph` are words of Mermaid's


def _label(text: str) -> str:
    """Text that cannot leave its quotes."""
    shown = text if len(text) <= 80 else text[:77] + "..."
    return "".join(
        character if character.isalnum() or character in " ._:,-/@()" else f"#{ord(character)};"
        for character in shown.replace("\n", " ")
    )
