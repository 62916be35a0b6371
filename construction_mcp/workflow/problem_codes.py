"""Every code a problem of a workflow can have, what it means and what usually mends it.

The source of `construction://schemas/problems` and of `construction-mcp errors CODE`. What is wrong in one workflow is
said by the problem itself; this is for who meets the code alone. A code is never renamed or removed.
"""

from collections.abc import Mapping
from typing import NamedTuple


class ProblemCode(NamedTuple):
    """`fix` is the usual one; a problem names the very words to write."""

    meaning: str
    fix: str


PROBLEM_CODES: Mapping[str, ProblemCode] = {
    # the document, before anything is understood
    "DOCUMENT_EMPTY": ProblemCode("The document holds nothing.", "Write name, trigger and actions."),
    "DOCUMENT_NOT_A_MAPPING": ProblemCode(
        "The document is a list or a text, not fields with values.", "Begin with name:, trigger: and actions:."
    ),
    "DOCUMENT_SYNTAX": ProblemCode(
        "The text is neither YAML nor JSON; the path names the line.", 'Put quotes around texts with {{ }} or ": ".'
    ),
    "DOCUMENT_KEY_DUPLICATE": ProblemCode(
        "One field is written twice, and one of them would be lost.", "Keep one of them."
    ),
    "DOCUMENT_ALIAS": ProblemCode("YAML anchors and aliases are not read.", "Write the value out in both places."),
    "DOCUMENT_TOO_DEEP": ProblemCode("The document is nested deeper than any workflow.", "Write it flatter."),
    "DOCUMENT_FIELD_MISSING": ProblemCode("A part of the workflow lacks a field it needs.", "Add the field."),
    "DOCUMENT_FIELD_UNKNOWN": ProblemCode(
        "A part of the workflow has a field that does not exist there.", "Use the name that is proposed, or remove it."
    ),
    "DOCUMENT_VALUE": ProblemCode(
        "A field of the workflow holds a value it does not take.", "Give what the problem names."
    ),
    "VALUE_UNWRITABLE": ProblemCode(
        "A value is no number (.nan, .inf) or half of a character, which JSON cannot hold.", "Write another value."
    ),
    # names
    "ACTION_KEY_INVALID": ProblemCode(
        "An action's key cannot be used in expressions.", "Use lower-case letters, digits and _, as open_rfis."
    ),
    "ACTION_KEY_DUPLICATE": ProblemCode("Two actions have one key.", "Give each its own."),
    "NAME_RESERVED": ProblemCode("A name means something else in expressions.", "Choose another name."),
    "VARIABLE_NAME": ProblemCode(
        "A variable's name cannot be used in expressions.", "Use lower-case letters, digits and _, as notify_to."
    ),
    # what starts it
    "TRIGGER_MISSING": ProblemCode("Nothing starts the workflow.", "Set a trigger: manual, schedule, webhook or poll."),
    "TRIGGER_FIELD_MISSING": ProblemCode("The trigger lacks a field that its type needs.", "Add the field."),
    "TRIGGER_FIELD_UNUSED": ProblemCode(
        "The trigger has a field that its type does not use.", "Remove it or change the type."
    ),
    "TRIGGER_RESOURCE_UNKNOWN": ProblemCode("Procore sends no events of that kind.", "Use Procore's name, as RFIs."),
    "TRIGGER_RESOURCE_NOT_POLLED": ProblemCode(
        "Changes of that kind are only sent, never found by looking.", "Use a Procore webhook and a public URL."
    ),
    "TRIGGER_EVENT_UNKNOWN": ProblemCode("That event never comes for that kind.", "Use one that it offers."),
    "CRON_INVALID": ProblemCode(
        "The cron expression is not one.", "Write five fields: minute hour day month weekday, as 0 9 * * 1-5."
    ),
    "CRON_NEVER": ProblemCode("No day ever matches the cron expression.", "Name days that come."),
    "ZONE_UNKNOWN": ProblemCode("The time zone does not exist.", "Use an IANA name, as America/Chicago."),
    "ZONE_WITHOUT_SUMMER_TIME": ProblemCode(
        "The zone has no summer time, so runs shift by an hour for half of the year.", "Name the city's zone."
    ),
    "HOST_NOT_ALWAYS_ON": ProblemCode(
        "Schedules run only while this process does.", "Keep it running: construction-mcp service install."
    ),
    "WEBHOOK_NO_PUBLIC_URL": ProblemCode(
        "Nobody outside can reach this server.", "Run serve and set CONSTRUCTION_MCP_PUBLIC_URL."
    ),
    # variables
    "VARIABLE_TYPE_UNKNOWN": ProblemCode(
        "There is no such type of variable.", "Use string, number, emails or another."
    ),
    "VARIABLE_VALUE_MISSING": ProblemCode("A required variable has no value yet.", "Set it with update_workflow."),
    "VARIABLE_VALUE_INVALID": ProblemCode("A variable's value is not of its type.", "Give a value of that type."),
    # actions
    "ACTIONS_MISSING": ProblemCode("The workflow does nothing yet.", "Add at least one action."),
    "ACTION_TYPE_UNKNOWN": ProblemCode(
        "There is no such type of action.", "Use one that construction://schemas/actions lists."
    ),
    "ACTION_UNKNOWN": ProblemCode("depends_on names an action that is not there.", "Name an action of this workflow."),
    "ACTION_NOT_PERFORMED": ProblemCode("This version cannot carry out that type of action.", "Keep it as a draft."),
    "ACTION_UNREACHABLE": ProblemCode("The action never runs.", "Remove it or its condition."),
    "RETRY_RANGE": ProblemCode("The first wait between tries is longer than the longest.", "Lower initial_s."),
    "CONFIG_FIELD_MISSING": ProblemCode("An action lacks a field it needs.", "Add it to the action's config."),
    "CONFIG_FIELD_UNKNOWN": ProblemCode(
        "An action has a field that its type does not know.", "Use the name that is proposed, or remove it."
    ),
    "CONFIG_VALUE": ProblemCode("A field holds a value it does not take.", "Give what the problem names."),
    "CONFIG_TYPE": ProblemCode(
        "A template gives another kind of value than the field takes.", "Name the part that fits, as its items."
    ),
    # templates and expressions
    "BRACES_MISSING": ProblemCode(
        "A name stands in a config as a text.", 'Write it in braces: "{{ vars.notify_to }}".'
    ),
    "TEMPLATE_IN_KEY": ProblemCode("The name of a field holds a template.", "Write the name out."),
    "TEMPLATE_FOREIGN": ProblemCode(
        "A text uses another template language.", "Write {{ CEL }}; join(list.map(...), ...) repeats."
    ),
    "EXPRESSION_IN_BRACES": ProblemCode("A field that is an expression holds braces.", "Remove the braces."),
    "EXPRESSION_SYNTAX": ProblemCode("The text is no expression of CEL.", "Write what the problem proposes."),
    "EXPRESSION_UNKNOWN_NAME": ProblemCode(
        "An expression names a step, variable or field that does not exist.", "Use the name that is proposed."
    ),
    "EXPRESSION_UNKNOWN_FUNCTION": ProblemCode("There is no such function.", "Use the one that is proposed."),
    "EXPRESSION_TYPE": ProblemCode(
        "An operation does not work with what it is given.", "Convert one side: string(x), number(x), date(x)."
    ),
    "EXPRESSION_NEVER_EQUAL": ProblemCode(
        "Something is compared with a text that it never is.", "Compare with one of its values."
    ),
    "EXPRESSION_TOO_LONG": ProblemCode("The expression is too long or too deep.", "Compute a part in transform.set."),
    "CONDITION_NOT_BOOLEAN": ProblemCode("A condition gives neither true nor false.", "Compare it with something."),
    "CONDITION_CONSTANT": ProblemCode("A condition is always the same.", "Compare something that changes."),
    "FOR_EACH_NOT_A_LIST": ProblemCode("for_each is given no list.", "Name a list, as steps.x.output.items."),
    # order
    "ACTION_DEPENDS_ON_ITSELF": ProblemCode("An action waits for itself.", "Remove the reference."),
    "ACTION_REFERS_TO_ITSELF": ProblemCode("An action reads its own outcome.", "Refer to another action."),
    "CYCLE": ProblemCode("Actions wait for each other in a circle.", "Remove one of the references."),
    "ORDER_CONFLICT": ProblemCode(
        "An action that reaches outside waits for one that is written below it.", "Move that one above."
    ),
    "APPROVAL_GUARDS_NOTHING": ProblemCode(
        "Nothing after the approval reaches outside.", "Move it before what it should guard."
    ),
    "APPROVAL_AFTER_WRITE": ProblemCode(
        "An approval shows what has already been changed.", "Move it before the change and show what will be sent."
    ),
    # beside Procore and this installation
    "PROJECT_MISSING": ProblemCode("An action does not know its project.", "Set the workflow's project_id."),
    "PROJECT_UNKNOWN": ProblemCode("The connection sees no such project.", "See list_procore_projects."),
    "PERMISSION_MISSING": ProblemCode(
        "The connection may do less in Procore than the workflow has to.", "Ask a Procore admin for the permission."
    ),
    "NOTIFY_NOT_CONFIGURED": ProblemCode("A way to notify is not set up here.", "construction-mcp doctor says how."),
    "APPROVER_UNKNOWN": ProblemCode("Nobody here is called that.", "Add the person with construction-mcp users add."),
    "APPROVER_CANNOT_REACH": ProblemCode("Nothing tells the approver.", "Give the person an address."),
    "WORKFLOW_UNKNOWN": ProblemCode("There is no such workflow to call.", "See list_workflows."),
    "RECIPIENT_UNBOUNDED": ProblemCode(
        "Who is reached would be decided only in the run, so nobody can agree to it.",
        "Name the recipients, or add allow with a domain or project_directory and max_per_run.",
    ),
    "QUOTA_HEAVY": ProblemCode("It would take most of the hour's requests to Procore.", "Run it less often."),
}
