"""Every public error code, what it means and what to do.

The source of `construction://errors` and `construction-mcp errors`.
A code is never renamed or removed (a test holds the list); a new one is a new line here.
"""

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """`remedy` is written to the person or model that made the call."""

    meaning: str
    remedy: str


CATALOGUE: dict[str, ErrorCode] = {
    # who is calling
    "AUTH_LOGIN_REQUIRED": ErrorCode(
        "The request carried no usable credential.",
        "Send `Authorization: Bearer <token>`; `construction-mcp users add` makes one.",
    ),
    "AUTH_ROLE_REQUIRED": ErrorCode(
        "The caller's role does not include this tool.",
        "Ask an admin of this workspace for the role named in details.",
    ),
    "AUTH_KEY_MISMATCH": ErrorCode(
        "The encryption key does not belong to this data directory.",
        "Point CONSTRUCTION_MCP_KEY_FILE at the key this directory was created with; "
        "`construction-mcp keys status` names its fingerprint.",
    ),
    "AUTH_STATE_INVALID": ErrorCode(
        "A signed value (cursor, confirmation or request state) was altered, expired or made for another call.",
        "Start again without it.",
    ),
    "AUTH_RECONNECT": ErrorCode(
        "The Procore connection can no longer be refreshed.",
        "Connect again with connect_procore.",
    ),
    "AUTH_PERSON_REQUIRED": ErrorCode(
        "Only a person may do this, and the client has no way to ask one.",
        "Do it in a terminal, as the hint says, or with a client that shows forms.",
    ),
    # what was sent
    "VALIDATION_INVALID": ErrorCode("An argument is not acceptable.", "Correct the field named in details and repeat."),
    "VALIDATION_UNKNOWN_FIELD": ErrorCode(
        "An argument has a name this tool does not know.", "Use the nearest name in details, or leave the field out."
    ),
    "VALIDATION_MISSING_FIELD": ErrorCode("A required argument is absent.", "Add the field named in details."),
    "VALIDATION_UNKNOWN_TOOL": ErrorCode(
        "No tool of that name is available here.", "Use a nearest name in details, or find_tools."
    ),
    "VALIDATION_NOT_FOUND": ErrorCode(
        "Nothing by that id or URI is visible to the caller.", "Check the id; list_* tools show what exists."
    ),
    "VALIDATION_CURSOR": ErrorCode(
        "The cursor was altered or belongs to another query.", "Repeat the list without `cursor`."
    ),
    "VALIDATION_TOO_LARGE": ErrorCode(
        "The request or its answer is larger than the limit.", "Send less, or ask for fewer items or `fields`."
    ),
    # workflows
    "WORKFLOW_NOT_FOUND": ErrorCode(
        "No workflow by that id is visible to the caller.", "list_workflows shows what exists."
    ),
    "WORKFLOW_VERSION_CONFLICT": ErrorCode(
        "The workflow changed since the version given in expected_version.",
        "Read it again with get_workflow, then repeat with its draft_version.",
    ),
    "WORKFLOW_ACTION_NOT_FOUND": ErrorCode(
        "The workflow has no action with that key.", "get_workflow lists its actions and their keys."
    ),
    "WORKFLOW_VERSION_NOT_FOUND": ErrorCode(
        "The workflow has no version of that number.", "Name one that was deployed before; details has the workflow."
    ),
    "WORKFLOW_NOT_DEPLOYED": ErrorCode(
        "The workflow has never been deployed, so there is nothing to pause, resume or go back to.",
        "Deploy it with deploy_workflow.",
    ),
    "WORKFLOW_RUNS_AS_ANOTHER": ErrorCode(
        "The workflow runs through another person's Procore account.",
        "Ask the person named in details to deploy it, or make a workflow of your own from it.",
    ),
    "WORKFLOW_ENVIRONMENT_MISMATCH": ErrorCode(
        "The workflow belongs to another Procore environment or company.",
        "Switch back, or deploy it again here.",
    ),
    "WORKFLOW_HELD": ErrorCode(
        "Everything here, this project or this connection is held by pause_all.", "resume_all lets it go on."
    ),
    # what runs
    "EXECUTION_EXPRESSION_FAILED": ErrorCode(
        "An expression could not be evaluated with the values it met.",
        "Look at details.seen, then mend the expression or what it reads.",
    ),
    "EXECUTION_EXPRESSION_NULL": ErrorCode(
        "An expression met null where it needs a value.",
        "Say what to use instead, default(x, 0), or test it first, x != null && x > 3.",
    ),
    "EXECUTION_EXPRESSION_TIMEOUT": ErrorCode(
        "An expression took longer than its limit and was stopped.",
        "Let it read less: filter the list first, or compute item by item with a transform action.",
    ),
    "EXECUTION_NOT_FOUND": ErrorCode(
        "No execution by that id is visible to the caller.", "list_executions shows what ran."
    ),
    "EXECUTION_NOT_ENDED": ErrorCode(
        "The execution is still under way.", "Wait for its end, or cancel it with cancel_execution first."
    ),
    "EXECUTION_CANCELLED": ErrorCode("The execution was cancelled.", "Run the workflow again if that was a mistake."),
    "EXECUTION_STEP_FAILED": ErrorCode(
        "A step failed and the workflow says that this ends it.",
        "Look at the step's own error; diagnose_workflow helps.",
    ),
    "EXECUTION_STEP_TIMEOUT": ErrorCode(
        "A step took longer than its timeout_s.", "Give it more time, or let it do less at once."
    ),
    "EXECUTION_STEP_NOT_UNCERTAIN": ErrorCode(
        "The step's outcome is known.", "observe_workflow_execution shows it; resolve_step is for unknown ones only."
    ),
    "EXECUTION_NEEDS_REVIEW": ErrorCode(
        "Nobody knows whether a step's change was made.", "Look where details say, then call resolve_step."
    ),
    "EXECUTION_QUARANTINED": ErrorCode(
        "The execution ended its process several times and is not tried again.",
        "Look at its last step; report it with the execution's trace.",
    ),
    "EXECUTION_OUTPUT_INVALID": ErrorCode(
        "A step gave something that cannot be kept: too large, too deep or no JSON.",
        "Let it read less: a filter, a limit, fewer fields.",
    ),
    "EXECUTION_CONSENT_EXCEEDED": ErrorCode(
        "A step would reach beyond what deploying the workflow agreed to.",
        "Deploy it again with the new recipient or host, or decide the approval it opened.",
    ),
    # repeating
    "IDEMPOTENCY_CONFLICT": ErrorCode(
        "The idempotency key was used before with other arguments.", "Use a new key for a new request."
    ),
    # people
    "APPROVAL_REQUIRED": ErrorCode("A person must approve this first.", "Ask the approver named in details."),
    "APPROVAL_NOT_FOUND": ErrorCode("There is no approval by that id.", "decide_approval without an id lists them."),
    "APPROVAL_EXPIRED": ErrorCode(
        "Nobody decided in time.", "Run the workflow again; give the approval a longer expires_in if needed."
    ),
    "APPROVAL_DECIDED": ErrorCode(
        "The approval has been decided before.", "details say by whom; it cannot be changed."
    ),
    "APPROVAL_CHANGED": ErrorCode(
        "What was shown is not what would happen now.", "Look at the approval again and decide on what it shows now."
    ),
    "APPROVAL_CODE_WRONG": ErrorCode(
        "The code is not the approval's.",
        "Read it where the approval is shown: the mail, the dashboard or the terminal.",
    ),
    "APPROVAL_NOT_YOURS": ErrorCode("The approval was asked of other people.", "details name who may decide."),
    "APPROVAL_PERSON_REQUIRED": ErrorCode(
        "A person has to decide, and the client has no way to ask one.",
        "Give the code from the mail, or decide in a terminal with `construction-mcp approvals`.",
    ),
    # Procore
    "PROCORE_APP_MISSING": ErrorCode(
        "No Procore app is configured for this environment.",
        "Set PROCORE_CLIENT_ID and PROCORE_CLIENT_SECRET; `construction-mcp connect` explains how to get them.",
    ),
    "PROCORE_RATE_LIMITED": ErrorCode("Procore's rate window is spent.", "Repeat after retry_after_s seconds."),
    "PROCORE_OUTCOME_UNKNOWN": ErrorCode(
        "A write to Procore may or may not have happened.", "Look for it in Procore before repeating."
    ),
    "PROCORE_NOT_CONNECTED": ErrorCode("No Procore account is connected.", "Connect one with connect_procore."),
    "PROCORE_CREDENTIALS": ErrorCode(
        "Procore does not accept the app's client id and secret.",
        "Check PROCORE_CLIENT_ID and PROCORE_CLIENT_SECRET, and that they belong to PROCORE_ENVIRONMENT.",
    ),
    "PROCORE_COMPANY_REQUIRED": ErrorCode(
        "Procore needs to know which company this is about.",
        "Give company_id; list_procore_companies shows the choices.",
    ),
    "PROCORE_NOT_FOUND": ErrorCode(
        "Procore has nothing by that id, or the connected user may not read it: it answers both alike.",
        "Check the id, then the user's permission with check_procore_connection.",
    ),
    "PROCORE_FORBIDDEN": ErrorCode(
        "The connected Procore user may not do this.",
        "Ask a project admin for the permission named in details; check_procore_connection shows the present ones.",
    ),
    "PROCORE_APP_NOT_CONNECTED": ErrorCode(
        "The app is not installed in this Procore company.",
        "Ask a company admin to install it; `construction-mcp connect` prints a request to forward.",
    ),
    "PROCORE_INVALID": ErrorCode(
        "Procore refused the values that were sent.", "Correct what details.procore_says names and repeat."
    ),
    "PROCORE_CONFLICT": ErrorCode(
        "Procore holds something that conflicts with this change.", "Read the record again, then decide."
    ),
    "PROCORE_TIMEOUT": ErrorCode("Procore did not answer in time.", "Ask for less (dates, filters), or repeat later."),
    "PROCORE_UNAVAILABLE": ErrorCode("Procore could not be reached or is overloaded.", "Repeat in a moment."),
    "PROCORE_BAD_ANSWER": ErrorCode(
        "Procore's answer could not be understood (not JSON, cut off, too large or redirected in a circle).",
        "Repeat later; if it stays, check PROCORE_API_URL.",
    ),
    "PROCORE_BUDGET_SPENT": ErrorCode(
        "The call or session used up its number of Procore requests.",
        "Narrow it: one project, a date range, fewer pages.",
    ),
    # webhooks
    "WEBHOOK_NOT_FOUND": ErrorCode("There is no webhook by that id.", "list_procore_webhooks shows what exists."),
    "WEBHOOK_NO_PUBLIC_URL": ErrorCode(
        "Procore cannot reach this server.",
        "Run `construction-mcp serve` behind an https address and set CONSTRUCTION_MCP_PUBLIC_URL to it.",
    ),
    "WEBHOOK_STARTS_WORKFLOW": ErrorCode(
        "The webhook is what starts an active workflow.",
        "Pause the workflow with rollback_workflow, or delete it; its webhook goes with it.",
    ),
    "WEBHOOK_SIGNATURE_INVALID": ErrorCode(
        "The delivery's signature or time is not right.",
        "Sign the raw body with the webhook's secret as Standard Webhooks say, within five minutes.",
    ),
    # notifications
    "NOTIFY_NOT_CONFIGURED": ErrorCode(
        "The channel is not set up here.", "Ask the operator to set the variable named in details."
    ),
    "NOTIFY_UNAVAILABLE": ErrorCode(
        "The mail server or channel could not be reached or cannot take it now; nothing was sent.",
        "Repeat later; `construction-mcp doctor` shows what is set up.",
    ),
    "NOTIFY_REFUSED": ErrorCode(
        "The mail server or channel refused the message; nothing was sent.",
        "Correct the recipient or the address; repeating it unchanged ends alike.",
    ),
    "NOTIFY_CREDENTIALS": ErrorCode(
        "The mail server or channel does not accept who we are.",
        "Ask the operator to renew the password or address in the settings; "
        "`construction-mcp doctor --send-test-mail` tries it.",
    ),
    "NOTIFY_INSECURE": ErrorCode(
        "The connection cannot be encrypted, or the certificate is not to be trusted; nothing was sent.",
        "Ask the operator to correct the server's certificate or name; there is no way to go on without.",
    ),
    "NOTIFY_OUTCOME_UNKNOWN": ErrorCode(
        "The connection broke after the message had left, so it may have arrived or not.",
        "Ask the recipient before sending it again.",
    ),
    # the server itself
    "SYSTEM_EGRESS_REFUSED": ErrorCode(
        "The address is not one this server may reach.",
        "Use a public https address, or one that the server's own settings name.",
    ),
    "SYSTEM_INTERNAL": ErrorCode(
        "The server made a mistake; the details are in its log.", "Report it with the trace id in details."
    ),
    "SYSTEM_UNAVAILABLE": ErrorCode("Something the server depends on is not reachable.", "Repeat in a moment."),
    "SYSTEM_BUSY": ErrorCode("More work is waiting than the server accepts.", "Repeat after retry_after_s seconds."),
    "SYSTEM_OWNER_GONE": ErrorCode(
        "The process that owned the data directory ended while this call was under way.",
        "Repeat the call; writes with an idempotency_key happen once.",
    ),
    "SYSTEM_OWNER_VERSION": ErrorCode(
        "The process that owns the data directory runs another version of construction-mcp.",
        "Restart it with this version, or use another --data-dir.",
    ),
    "SYSTEM_DIRECTORY_OWNED": ErrorCode(
        "Another process owns the data directory.", "Stop the process named in details, or let it do the work."
    ),
    "SYSTEM_STANDBY": ErrorCode(
        "This data directory is a restored copy in standby: it reads and fires nothing.",
        "Run `construction-mcp take-over` once the original is off.",
    ),
    "SYSTEM_STORAGE_FULL": ErrorCode("The disk is full; nothing was changed.", "Free space and repeat."),
    "SYSTEM_STORAGE_READONLY": ErrorCode(
        "The database cannot be written.", "Check the permissions of the data directory."
    ),
    "SYSTEM_STORAGE_CORRUPT": ErrorCode(
        "The database file is damaged; it was left untouched.",
        "Restore the last backup with `construction-mcp restore`.",
    ),
    "SYSTEM_STORAGE_BUSY": ErrorCode("Another program holds the database locked.", "Close it and repeat."),
    "SYSTEM_STORAGE_NEWER": ErrorCode(
        "The database was written by a newer version of construction-mcp.", "Install that version or restore a backup."
    ),
    "SYSTEM_STORAGE_CHANGED": ErrorCode(
        "A migration of this version differs from the one the database was built with.",
        "Install the version that created the data directory, or restore a backup.",
    ),
    "SYSTEM_TIMEOUT": ErrorCode("The call took longer than its limit and was stopped.", "Ask for less, or repeat."),
    "SYSTEM_SHUTTING_DOWN": ErrorCode("The server is ending.", "Repeat once it runs again."),
}
