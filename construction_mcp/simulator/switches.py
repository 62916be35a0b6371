"""Where Procore's own sources disagree, or say nothing, the choice is a named switch (FACTS 13)."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin


@dataclass(frozen=True, slots=True)
class Switches:
    """One field per contradiction; `GET /_sim/state` lists them, `POST /_sim/switches` changes them."""

    throttle_answer: Literal["both", "reset", "retry_after"] = "both"  # FACTS 13.1: which header a 429 carries
    rate_headers: Literal["present", "absent", "wrong"] = "present"  # the last two are for clients that must not trust
    rate_limit_scope: Literal["app", "app_company"] = "app"  # FACTS 3 "Scope"
    deliveries_filter: Literal["both", "filter", "filters"] = "both"  # FACTS 13.2
    hook_api_version: Literal["both", "v2", "v2.0"] = "both"  # FACTS 13.3: what a v1 hook may say
    trigger_event_case: Literal["upper", "lower"] = "upper"  # FACTS 13.4: event_type in v1 answers
    delivery_words: Literal["record", "docs"] = "record"  # FACTS 13.5: v2 rows say delivered, or succeeded
    run_validations_in: Literal["both", "query", "body"] = "both"  # FACTS 13.6
    link_prev_on_page_2: bool = False  # FACTS 13.7
    link_query: Literal["kept", "dropped"] = "kept"  # FACTS 4: the docs' sample links lose the other parameters
    missing_company_header: Literal[400, 401, 403] = 400  # FACTS 13.8
    dates_need_time: bool = False  # FACTS 13.9: True stores null for a bare date, as the guide warns
    revoke_needs_secret: bool = True  # FACTS 13.10
    daily_log_upload_ids: Literal["accept", "weather_only"] = "accept"  # FACTS 13.11
    # FACTS 13.12: the key of a Procore Workflows step's options
    workflow_options_key: Literal["available_response_options", "available_responses"] = "available_response_options"
    rfi_status_filter: Literal["any_form", "array_form"] = "any_form"  # FACTS 5: observed to need the array form
    official_reply_moves_ball: bool = True  # after an official answer the manager holds the ball; inference
    company_hooks_hear: Literal["company", "everything"] = "company"  # inference from the two lists of FACTS 8.7
    duplicate_every: int = 10  # FACTS 8.5: every n-th delivery of a hook is posted twice; 0 never
    disable_hook_after_discard: bool = False  # FACTS 8.5, "may be deactivated"
    token_error_status: Literal[400, 401] = 401  # FACTS 2.3: invalid_grant with either

    def with_changes(self, changes: dict[str, Any]) -> "Switches":
        """These switches with some turned; a ValueError names what is not one, or not one of its positions."""
        known = {field.name: field.type for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"There is no switch {name!r}.")
            choices = get_args(known[name]) if get_origin(known[name]) is Literal else None
            if choices and value not in choices:
                raise ValueError(f"{name} is one of {', '.join(map(str, choices))}.")
            if not choices and type(value) is not type(getattr(self, name)):
                raise ValueError(f"{name} must be a {type(getattr(self, name)).__name__}.")
        return replace(self, **changes)

    def public(self) -> dict[str, Any]:
        return asdict(self)
