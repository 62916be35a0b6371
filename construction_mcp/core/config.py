"""Settings a person may choose, and every limit with its unit and reason."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from construction_mcp.core.destinations import (
    MAIL_ADDRESS,
    MailFrom,
    MailServer,
    read_channel_url,
    read_mail_from,
    read_mail_server,
)
from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import PREFIX, Launch, read_config_file, truth

WRITE_POLICIES = ("confirm", "auto", "approve")
METRICS_AUTH = ("bearer", "none")
GRANTS = ("authorization_code", "client_credentials")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of loops, queues, waits and sizes. Tests shrink them; people do not need to."""

    # wire
    frame_bytes_max: int = 4 * 1024 * 1024  # one JSON-RPC line or HTTP body; the SDK's own HTTP cap
    json_depth_max: int = 64  # far above any real argument, far below what breaks parsers
    drain_s: float = 10.0  # SIGTERM and stdin EOF: answer what was read, then end (PRODUCT.md section 3)
    linger_s: float = 1.0  # after the last answer
    first_quiet_s: float = 0.05  # a client that calls again does so within it; then the SDK is imported
    first_service_s: float = 5.0  # calls without a pause; other processes wait 30 s for their door (front/bounds.py)
    first_calls_s: float = 0.5  # to open a database or the simulator for a first call before the SDK takes the CPU
    engine_after_s: float = 1.0  # from the start to carrying workflows out: first answers come first
    loop_lag_look_s: float = 1.0  # between two looks at how late the event loop is
    reconcile_after_s: float = 2.0  # from the start to comparing webhooks with Procore's: first answers come first
    stale_stream_s: float = 60.0  # a stream whose reader took nothing for this long is closed
    session_idle_s: float = 1800.0
    sessions_max: int = 1000
    subscriptions_max: int = 1000  # resources one connection watches: every workflow of a large workspace

    # http
    connections_max: int = 2000  # two per session: one call and one open stream
    keep_alive_s: int = 75  # longer than the pause between two calls of a conversation
    gzip_bytes_min: int = 1024  # below it the header costs more than compression saves
    gzip_level: int = 5  # a 40 kB listing in 1 ms; higher levels save 2 % for three times the time
    bearer_bytes_max: int = 8192  # a JWT with many claims; longer is refused unread
    bearer_cache_s: float = 5.0  # how long a revoked or expired bearer may still pass: "within seconds"
    bearers_cached_max: int = 10_000
    jwks_bytes_max: int = 256 * 1024
    jwks_timeout_s: float = 5.0
    jwks_cache_s: float = 3600.0
    jwks_refetch_s: float = 60.0  # an unknown key id may ask for a new set this often, not per request
    oauth_leeway_s: float = 30.0  # clocks differ; at most 60 s (PRODUCT.md section 3)

    # dashboard
    dashboard_session_s: float = 8 * 3600.0  # a working day; then people sign in again, whatever they do
    dashboard_idle_s: float = 3600.0  # without a click: what an unlocked screen gives away has an end
    dashboard_sessions_max: int = 512
    dashboard_link_s: float = 600.0  # from being printed to being opened, once
    dashboard_links_max: int = 32
    dashboard_streams_max: int = 128  # open pages that hear of changes; a hidden one closes its stream
    dashboard_beat_s: float = 15.0  # between two words on a quiet stream: proxies close what is silent for 30 to 60 s
    dashboard_settle_s: float = 0.5  # changes within it are told once: a burst of steps is one new page
    dashboard_rows: int = 25  # of one list of a page; more is another page
    dashboard_asked_max: int = 100  # pending approvals that the inbox shows

    # tools
    result_bytes_max: int = 80_000  # about 25,000 tokens, the largest answer clients accept
    call_timeout_s: float = 120.0  # of a tool, resource, prompt or completion, without a person's time
    answer_wait_s: float = 600.0  # for a person's answer to a question of a call, whose own time stands still meanwhile
    calls_in_flight_max: int = 1000  # beyond it SYSTEM_BUSY: memory stays bounded under a flood
    statements_per_call_warn: int = 10
    confirmation_s: float = 600.0  # a preview older than this is shown again before it is acted on

    # simulator
    simulator_ledger_max: int = 100_000  # requests remembered: two weeks at one each ten seconds, 50 MB
    simulator_deliveries_max: int = 1_000  # finished deliveries kept per hook

    # store
    statement_timeout_s: float = 10.0
    statement_slow_ms: tuple[float, float, float] = (50.0, 100.0, 500.0)  # info, warning, error
    statement_alert_ms: float = 1000.0  # counted for an alert: by then a person has noticed
    busy_timeout_s: float = 3.0  # one wait for a foreign lock; three tries in all
    busy_tries: int = 3
    busy_backoff_s: float = 0.1
    commit_batch_max: int = 500  # functions sharing one commit: bounds how long a reader waits behind it
    commit_queue_max: int = 10_000
    callers_told_max: int = 25  # of a commit, in one turn of the loop: what they do next adds up to a stall
    idempotency_kept_days: int = 30  # longer than any client repeats a call
    statement_cache: int = 512  # distinct SQL texts kept prepared; opening asserts that all of ours fit
    check_on_open_bytes_max: int = 4 * 1024 * 1024  # the structure check reads the whole file: 20 ms at this size
    wal_bytes_max: int = 64 * 1024 * 1024  # the log is cut back to this after a checkpoint
    copy_pages_per_step: int = 256  # a backup lets others in after each MiB

    # network
    connect_timeout_s: float = 5.0  # resolving, connecting and TLS; a reachable host answers in a fraction
    read_timeout_s: float = 15.0  # silence between two pieces of an answer
    attempt_timeout_s: float = 30.0  # one request from first byte to last: a dripping answer ends here
    outbound_connections_max: int = 32  # above the spike window of 25 nothing more can be under way
    redirects_max: int = 3
    answer_bytes_max: int = 8 * 1024 * 1024  # decoded; a page of 100 full records is about 1 MiB
    header_wait_max_s: float = 3600.0  # the most a Retry-After is believed: the longest documented window
    breaker_failures_max: int = 5  # in a row, then the host rests
    breaker_rest_s: float = 30.0
    breaker_hosts_max: int = 256

    # caches
    cache_entries_max: int = 2048
    token_cache_s: float = 300.0
    workflow_cache_s: float = 3600.0  # definitions; every write goes through the cache, so age alone ends an entry
    record_cache_s: float = 300.0  # projects and companies

    # workflows
    problems_explained_max: int = 100  # with nearest names, of one compilation; nobody mends more at once

    # expressions
    expression_chars_max: int = 2000  # security.md finding 3; a person's is a line or two
    expression_bytes_max: int = 256 * 1024  # what one evaluation reads or gives: 250 full records
    expression_here_bytes_max: int = 16 * 1024  # read in the server's own process: well under 1 ms of the event loop
    expression_here_work_max: int = 1024 * 1024  # bytes read times characters, there: what it may build, in 10 ms
    expression_items_max: int = 10_000  # of one list: twenty pages of a Procore list, five times over
    expression_seen_chars_max: int = 200  # of one value in an explanation
    expressions_cached_max: int = 2048  # checked, and compiled: all conditions and templates of some 100 workflows
    expression_names_max: int = 400  # types that one checking environment knows: 5 ms to build at that size
    expression_messages_max: int = 2000  # object types described to the checker before it starts over: about 20 MB

    # workflows
    status_executions: int = 5  # runs listed with a workflow's status
    health_executions: int = 100  # latest runs its health is judged by: what lies further back no longer tells
    poll_s: int = 300  # between two looks at Procore for a workflow that nobody tells of changes (_POLL_S)
    poll_overlap_s: float = 300.0  # looked at again: Procore's lists and clocks may lag behind what was changed
    poll_look_s: float = 30.0  # between two looks at the wall clock, which may be set while a timer sleeps
    poll_due_max: int = 100  # workflows that look in one round, one after another: others get their turn between
    events_per_hour_assumed: int = 20  # a busy project's day in one hour; what a webhook workflow is budgeted for
    deploy_reads_max: int = 20  # lists asked for one row each: may a deployment read what it needs to?

    # executions
    executions_per_project_max: int = 10
    begun_in_a_row_max: int = 25  # executions, or bodies that only compute, before others get their turn of the loop
    executions_claimed_max: int = 64  # looked at in one read of the queue
    process_ends_max: int = 3  # in a row, with a step at work; then it goes on as the only such
    process_ends_in_company_max: int = 12  # where others were at work each time: one of many is hardly to blame
    failures_in_a_row_max: int = 5  # then a workflow stops by itself (PRODUCT.md section 4.3)
    call_depth_max: int = 5  # workflows that call or set off each other
    step_timeout_s: float = 600.0  # of a step without timeout_s: longer than Procore's own deadline in the background
    step_output_bytes_max: int = 4 * 1024 * 1024  # 2,000 full records
    step_settle_s: float = 10.0  # until what was sent shows where it was sent to
    step_looks_max: int = 4  # tries beyond a step's own for finding out what became of it
    hold_look_s: float = 1.0  # a write that pause_all held back looks again this long after it was released
    services_pause_s: float = 30.0  # after a service beside the calls failed, until all start anew
    note_chars_max: int = 2000
    consent_wait_s: float = 3 * 86_400.0  # for an approval of what deploying did not agree to
    approval_grace_s: float = 60.0  # after its end an approval is looked at again if nobody said that it expired
    plans_cached_max: int = 256
    timer_slack_s: float = 3600.0  # the longest the engine sleeps: clocks are moved

    # the confined process
    expression_timeout_s: float = 0.25  # of one evaluation; a filter over 1,000 items takes 0.025
    expression_each_timeout_s: float = 2.0  # of one expression over all items of a list, without waiting for its turn
    expression_batch_max: int = 1000  # items of such a list at once: others get their turn in between
    expression_frame_bytes_max: int = 1024 * 1024  # of a frame, either way: values, escaped as ASCII
    expression_memory_bytes_max: int = 512 * 1024 * 1024  # it needs 40 MiB to live
    expression_descriptors_max: int = 16  # open files: its pipes, and CEL opens the file of a time zone
    expression_orphan_s: int = 10  # processor seconds for one request: a bomb whose parent died ends by itself
    expression_tries: int = 2  # a process may die of what is not its request's fault; twice in a row is
    expression_start_s: float = 10.0  # a start takes 0.06 s; a machine that swaps may take seconds
    expressions_waiting_max: int = 1000  # for their turn in the one process: 250 s if each were a bomb

    # webhooks
    deliveries_kept_days: int = 30  # Procore repeats an event within a day; the rest serves as examples
    delivery_bytes_max: int = 256 * 1024  # an event names a record and carries none: 2 KB is a large one
    delivery_ahead_max_s: float = 3600.0  # an event dated further ahead is kept aside: no clock is an hour off
    signature_window_s: float = 300.0  # Standard Webhooks: an older delivery may be a replay
    inbox_batch_max: int = 50  # decided at once: a busy minute, two spike windows of Procore
    inbox_retry_s: float = 30.0  # until Procore is asked again about what it could not be asked
    chain_depth_max: int = 5  # workflows that set each other off through Procore; beyond it is a loop
    chain_window_s: float = 900.0  # how long after our own write an event may be its echo
    alert_pause_s: float = 3600.0  # between two mails about one workflow (PRODUCT.md section 6)
    ignored_listed_max: int = 100  # deliveries of a pause, listed when it ends; newest first
    alerts_told_max: int = 500  # of one round: more is a storm, and the next round tells the rest
    alert_lines_max: int = 20  # of one mail; the rest are counted
    alert_look_s: float = 60.0
    heartbeat_s: float = 60.0
    janitor_look_s: float = 3600.0
    janitor_batch: int = 200  # executions deleted at once, with their steps: a few milliseconds
    executions_kept_max: int = 1_000_000  # the oldest go first beyond it: about 2 GB
    retention_failures_days: int = 365  # failures tell more for longer; never shorter than the rest is kept
    rollup_hours_kept_days: int = 14  # statistics by the hour reach a week back
    rollup_days_kept_days: int = 400  # longer than the executions they count: a year and a month
    rollup_rows_batch: int = 5_000  # deleted at once, so that nobody waits long behind it
    hook_rotation_s: float = 3600.0  # the old secret's life after Procore took the new one: deliveries under way

    deliveries_looked_at: int = 100  # newest of one hook, for a real example of an event

    # guidance
    refusal_note_s: float = 60.0  # between two notes of deliveries turned away at one hook: whoever posts costs no more
    diagnosis_wait_s: float = 10.0  # for what Procore says now; a diagnosis does without what takes longer
    guidance_wait_s: float = 3.0  # for the names of projects, which only make it better

    # schedules
    schedule_catch_up_h: float = 12.0  # how far back missed runs are made up for (PRODUCT.md section 5)
    schedule_catch_up_max: int = 24  # runs that `catch_up: all` makes up for: a day of hours
    schedule_spread_s: float = 20.0  # 200 workflows due at 9:00 start within it: ten a second
    schedule_late_s: float = 60.0  # found later than this after its spread, a run was missed: nobody was here
    schedule_look_s: float = 30.0  # between two looks at the wall clock, which may be set while a timer sleeps
    schedule_early_s: float = 1.0  # no clock is kept better; behind by more, it was set back
    schedule_due_max: int = 1000  # claimed in one transaction: 200 workflows at 9:00 are one
    schedule_skipped_days_max: int = 400  # in a row, by a calendar: a year of Saturdays; then it never runs

    # Procore
    procore_tries_max: int = 3
    procore_deadline_s: float = 60.0  # one request with its waits and tries
    procore_deadline_background_s: float = 360.0  # so that a workflow can sit out its turn in the queue
    procore_backoff_s: float = 0.5  # first ceiling of the full jitter
    procore_backoff_max_s: float = 8.0
    hourly_requests: int = 600  # examples of the documentation; every answer's headers outrank them
    hourly_window_s: float = 3600.0
    spike_requests: int = 25
    spike_window_s: float = 10.0
    spike_requests_max: int = 100  # a header that claims more describes the hourly window
    interactive_share: float = 0.2  # of both windows, kept free of background work
    smoothing_burst_share: float = 0.6  # of the spike window at once; the rest leaks evenly over the window
    overload_pause_max_s: float = 60.0  # a 503 speaks for its moment, not for an hour
    rate_wait_interactive_s: float = 20.0
    rate_wait_background_s: float = 300.0
    rate_queue_max: int = 1000
    rate_keys_max: int = 64  # one ledger per application
    requests_per_call: int = 60
    requests_per_session: int = 5000  # of one UTC day: sessions of a long-running server do not end by themselves
    usage_days_kept: int = 31
    usage_scopes_max: int = 4096
    procore_page_size: int = 100
    procore_pages_max: int = 20  # of one list; beyond it the answer says `truncated`
    prompt_evidence_chars_max: int = 24_000  # of one block of records in a prompt: about 6,000 tokens
    daily_log_days_max: int = 91  # of one reading: 13 weeks, beyond which Procore was seen to refuse
    refresh_ahead_s: float = 120.0  # so that no request leaves with a token that dies on the way
    renew_pause_s: float = 60.0  # a token refused so soon after its renewal is not the problem
    oauth_state_s: float = 600.0  # Procore's code lives as long
    oauth_states_max: int = 256
    sign_in_wait_s: float = 45.0  # a call waits this long for a person in the browser; clients give up after 60 s
    overview_projects_max: int = 14  # four reads each and the list of projects: within requests_per_call
    overview_page_size: int = 200  # rows of one list; an overview never pages
    overview_shown_max: int = 5  # records named per list; the rest are counted
    overview_closed_days: int = 30  # how far back response times look
    overview_log_days: int = 30  # how far back the last daily log is looked for
    overview_soon_days: int = 7
    api_answer_bytes_max: int = 40_000  # of call_procore_api: about 10,000 tokens

    # actions
    transform_items_max: int = 10_000  # 20 pages of 100 records from five projects; a filter of it takes 250 ms
    wait_s_max: int = 366 * 86_400  # a year: a longer wait belongs into a schedule
    recipients_max: int = 100  # of one message; more is a mailing list's work
    computed_mails_max: int = 500  # what `allow.max_per_run` may admit: every person of a large project once
    http_action_s_max: float = 120.0  # one request of http.request; a step waits no longer for a stranger

    # approvals
    call_approval_s: float = 86_400.0  # how long another person may take over a call, and its caller to repeat it

    # notifications
    notification_items_max: int = 50  # shown of one list; the rest are counted: nobody reads on
    notification_line_chars_max: int = 400  # of one line and of a subject; RFC 5322 wraps subjects, readers cut them
    notification_text_chars_max: int = 6000  # of a template's paragraph, which may hold a whole reply
    notification_data_bytes_max: int = 1024 * 1024  # what a template is given: 1,000 full records
    mail_bytes_max: int = 512 * 1024  # far below the 10 MiB that servers take; ours have no attachments
    mail_timeout_s: float = 60.0  # one mail from connecting to the server's last word
    slack_chars_max: int = 10_000  # Slack was seen to refuse blocks beyond some 13,000
    teams_bytes_max: int = 24 * 1024  # Teams takes 28 KB and counts more than the card
    webhook_bytes_max: int = 256 * 1024
    post_timeout_s: float = 20.0  # Standard Webhooks suggests 15 to 30
    notifications_kept_days: int = 90  # as PRODUCT.md section 3 keeps what ran


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose: flags over environment over TOML over defaults."""

    data_dir: Path
    toolsets: tuple[str, ...] = ()
    read_only: bool = False
    environment: str = "simulator"
    log_level: str = "info"
    token_file: Path | None = None

    company_id: int | None = None
    procore_client_id: str | None = None
    procore_client_secret: str | None = field(default=None, repr=False)
    procore_grant: str = "authorization_code"
    procore_api_url: str | None = None
    procore_login_url: str | None = None
    egress_allow: tuple[str, ...] = ()
    write_policy: str = "confirm"
    public_url: str | None = None
    serve_url: str | None = None  # where this process itself listens; `serve` fills it in once it does
    allowed_hosts: tuple[str, ...] = ()
    oauth_issuer: str | None = None
    oauth_audience: str | None = None
    oauth_jwks_url: str | None = None
    key_file: Path | None = None
    key: str | None = field(default=None, repr=False)
    metrics_auth: str = "bearer"  # what /metrics asks for; `none` for whoever reaches the port
    db_log_all: bool = False
    mail_server: MailServer | None = None
    mail_from: MailFrom | None = None
    slack_webhook_url: str | None = field(default=None, repr=False)
    teams_webhook_url: str | None = field(default=None, repr=False)
    alert_to: str | None = None
    heartbeat_url: str | None = field(default=None, repr=False)
    executions_max: int = 20  # at once; the rest wait in the queue
    executions_per_workflow_max: int = 5
    queue_age_s: int = 5  # while one has waited longer, tool calls hear SYSTEM_BUSY; deliveries are accepted still
    retention_days: int = 90

    limits: Limits = Limits()

    @property
    def database_file(self) -> Path:
        return self.data_dir / "construction.db"

    @property
    def channels(self) -> frozenset[str]:
        """Where notifications can go: what the settings name, and by webhook whatever hosts arguments may reach."""
        configured = {
            "log": True,
            "email": self.mail_server,
            "slack": self.slack_webhook_url,
            "teams": self.teams_webhook_url,
            "webhook": self.egress_allow,
        }
        return frozenset(name for name, value in configured.items() if value)

    @property
    def is_simulated(self) -> bool:
        return self.environment == "simulator"


def load_settings(launch: Launch, environ: Mapping[str, str] | None = None) -> Settings:
    """Everything the process needs to know, checked once at start.

    Raises:
        Invalid: a setting has the wrong form; the message names it.
    """
    environ = os.environ if environ is None else environ
    file = read_config_file(launch.config_file)

    def text(variable: str) -> str | None:
        value = environ.get(variable) or file.get(variable.removeprefix(PREFIX).lower())
        return str(value) if value not in (None, "") else None

    def path(variable: str) -> Path | None:
        value = text(variable)
        return Path(value).expanduser() if value else None

    mail_server = read_mail_server(text(PREFIX + "SMTP_URL"), PREFIX + "SMTP_URL")
    return Settings(
        data_dir=Path(launch.data_dir),
        toolsets=launch.toolsets,
        read_only=launch.read_only,
        environment=launch.environment,
        log_level=launch.log_level,
        token_file=Path(launch.token_file) if launch.token_file else None,
        company_id=_whole(text("PROCORE_COMPANY_ID"), "PROCORE_COMPANY_ID"),
        procore_client_id=text("PROCORE_CLIENT_ID"),
        procore_client_secret=text("PROCORE_CLIENT_SECRET"),
        procore_grant=_grant(text("PROCORE_GRANT"), launch.environment),
        procore_api_url=text("PROCORE_API_URL"),
        procore_login_url=text("PROCORE_LOGIN_URL"),
        egress_allow=_words(text(PREFIX + "EGRESS_ALLOW")),
        write_policy=_policy(text(PREFIX + "WRITE_POLICY")),
        public_url=text(PREFIX + "PUBLIC_URL"),
        allowed_hosts=_words(text(PREFIX + "ALLOWED_HOSTS")),
        oauth_issuer=text(PREFIX + "OAUTH_ISSUER"),
        oauth_audience=text(PREFIX + "OAUTH_AUDIENCE"),
        oauth_jwks_url=text(PREFIX + "OAUTH_JWKS_URL"),
        key_file=path(PREFIX + "KEY_FILE"),
        key=text(PREFIX + "KEY"),
        metrics_auth=_metrics_auth(text(PREFIX + "METRICS_AUTH")),
        db_log_all=truth(text("DB_LOG_ALL"), "DB_LOG_ALL"),
        mail_server=mail_server,
        mail_from=read_mail_from(text(PREFIX + "MAIL_FROM"), mail_server, PREFIX + "MAIL_FROM"),
        slack_webhook_url=read_channel_url(text(PREFIX + "SLACK_WEBHOOK_URL"), PREFIX + "SLACK_WEBHOOK_URL"),
        teams_webhook_url=read_channel_url(text(PREFIX + "TEAMS_WEBHOOK_URL"), PREFIX + "TEAMS_WEBHOOK_URL"),
        alert_to=_address(text(PREFIX + "ALERT_TO"), PREFIX + "ALERT_TO"),
        heartbeat_url=read_channel_url(text(PREFIX + "HEARTBEAT_URL"), PREFIX + "HEARTBEAT_URL"),
        executions_max=_count(text(PREFIX + "MAX_EXECUTIONS"), "MAX_EXECUTIONS", 20, 500),
        executions_per_workflow_max=_count(text(PREFIX + "MAX_PER_WORKFLOW"), "MAX_PER_WORKFLOW", 5, 500),
        queue_age_s=_count(text(PREFIX + "QUEUE_AGE_S"), "QUEUE_AGE_S", 5, 86_400),
        limits=Limits(
            poll_s=_count(text(PREFIX + "POLL_S"), "POLL_S", 300, 86_400, least=60),
            **_windows(text("PROCORE_RATE_WINDOWS")),
        ),
        retention_days=_count(text(PREFIX + "RETENTION_DAYS"), "RETENTION_DAYS", 90, 3650),
    )


def _words(value: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (value or "").split(",") if word.strip())


def _policy(value: str | None) -> str:
    """`approve` arrives with approvals; until then asking for it must not quietly mean less."""
    if value not in (None, *WRITE_POLICIES):
        raise Invalid(f"CONSTRUCTION_MCP_WRITE_POLICY is {value!r}; it can be {', '.join(WRITE_POLICIES)}.")
    return value or "confirm"


def _metrics_auth(value: str | None) -> str:
    if value not in (None, *METRICS_AUTH):
        raise Invalid(f"CONSTRUCTION_MCP_METRICS_AUTH is {value!r}; it can be {', '.join(METRICS_AUTH)}.")
    return value or "bearer"


def _address(value: str | None, name: str) -> str | None:
    if value is not None and not re.fullmatch(MAIL_ADDRESS, value):
        raise Invalid(f"{name} is {value[:100]!r}; it has to be one mail address.")
    return value


def _count(value: str | None, name: str, default: int, most: int, *, least: int = 1) -> int:
    number = _whole(value, PREFIX + name)
    if number is None:
        return default
    if not least <= number <= most:
        raise Invalid(f"{PREFIX}{name} is {number}; it can be {least} to {most}.")
    return number


def _windows(value: str | None) -> dict[str, Any]:
    """What is assumed of Procore's two rate windows until its answers tell; for apps that were given more."""
    if value is None:
        return {}
    found = re.fullmatch(r"(\d{1,7})/(\d{1,5}),(\d{1,7})/(\d{1,5})", value.replace(" ", ""), re.ASCII)
    numbers = [int(part) for part in found.groups()] if found is not None else [0]
    if 0 in numbers or numbers[1] <= numbers[3]:
        form = "requests/seconds of the longer and of the shorter window, as 600/3600,25/10"
        raise Invalid(f"PROCORE_RATE_WINDOWS is {value[:100]!r}; it has to be {form}.")
    hourly, hourly_s, spike, spike_s = numbers
    return {
        "hourly_requests": hourly,
        "hourly_window_s": float(hourly_s),
        "spike_requests": spike,
        "spike_window_s": float(spike_s),
        "spike_requests_max": max(spike, Limits().spike_requests_max),
    }


def _whole(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if not str(value).isascii() or not str(value).isdigit():
        raise Invalid(f"{name} is {value!r}; it must be a whole number.")
    return int(value)


def _grant(value: str | None, environment: str) -> str:
    if value is None:
        return "client_credentials" if environment == "simulator" else "authorization_code"
    if value not in GRANTS:
        raise Invalid(f"PROCORE_GRANT is {value!r}; it can be {', '.join(GRANTS)}.")
    return value
