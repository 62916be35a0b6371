"""Every kind of record with the number its ids start from.

An id is kind x 10^9 + scope x 10^6 + count: unique across kinds, beyond 32 bits as real ones may be (FACTS 1.3), and
the same whatever order the sample is read in. Numbers are never reused for another kind: state files hold ids.
"""

_KINDS = (
    "company", "project", "user", "vendor", "trade", "department", "location", "cost_code", "line_item_type",
    "permission_template", "rfi", "rfi_reply", "submittal", "submittal_approver", "submittal_status",
    "submittal_type", "submittal_response", "submittal_package", "daily_log_header", "accident_log", "call_log",
    "daily_construction_report_log", "delay_log", "delay_log_type", "delivery_log", "dumpster_log", "equipment_log",
    "inspection_log", "manpower_log", "notes_log", "plan_revision_log", "productivity_log", "quantity_log",
    "safety_violation_log", "visitor_log", "waste_log", "weather_log", "work_log", "folder", "file", "upload",
    "image_category", "image", "schedule_task", "task_item", "task_item_category", "punch_item", "punch_item_type",
    "observation", "observation_type", "observation_response", "checklist_template", "checklist", "checklist_item",
    "incident", "meeting", "meeting_category", "meeting_topic", "drawing_area", "drawing_set", "drawing",
    "drawing_revision", "specification_section", "specification_revision", "specification_set", "change_event",
    "change_event_status", "change_event_type", "change_reason", "change_order_package", "potential_change_order",
    "commitment_change_order", "prime_change_order", "budget_view", "budget_row", "commitment_contract",
    "prime_contract", "requisition", "coordination_issue", "generic_tool", "generic_tool_item",
    "generic_tool_response", "hook", "hook_trigger", "hook_event", "token", "code",
    "workflow_instance",
)  # fmt: skip

KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS, start=1)}

_KIND = 1_000_000_000
_SCOPE = 1_000_000


def first_id(kind: str, scope_index: int) -> int:
    """The id before the first record of `kind` in that scope."""
    return KIND_NUMBERS[kind] * _KIND + scope_index * _SCOPE


def scope_index_of(scope_id: int) -> int:
    """A small number for a company or project id: companies 1-9, their projects company x 100 + count."""
    if scope_id == 0:
        return 0
    kind, rest = divmod(scope_id, _KIND)
    owner, count = divmod(rest, _SCOPE)
    return count if kind == KIND_NUMBERS["company"] else owner * 100 + count
