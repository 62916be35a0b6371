"""Telling people, and other programs, what happened."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from construction_mcp.actions import mail
from construction_mcp.actions.action import ActionType, Config, Consent, Setting, Unbounded, Written
from construction_mcp.actions.hosts import Url, agreed, host_in_words, host_of
from construction_mcp.actions.mail_run import admitted
from construction_mcp.actions.message import TEXT_CHARS_MAX, Message, shape_with
from construction_mcp.actions.performing import Act, Context, Output, Perform
from construction_mcp.actions.shapes import array_of, closed, or_null, text
from construction_mcp.actions.written import HOLE, awaits_user

Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARS_MAX)]


def _one_line(value: str) -> str:
    """A line break in a subject would start a header of its own (RFC 5322 section 2.2)."""
    return " ".join(value.split())


class EmailConfig(Message):
    """One mail to all of its recipients."""

    model_config = ConfigDict(json_schema_extra=shape_with("body"))

    to: Annotated[
        mail.Addresses,
        Field(description="Addresses; what a run works out also needs allow, which says whom it may choose"),
    ]
    cc: Annotated[mail.Addresses | None, Field(description="Addresses that get a copy")] = None
    subject: Annotated[
        str | None,
        AfterValidator(lambda value: value and _one_line(value)),
        Field(min_length=1, max_length=500, description="Subject line; the template's own unless given"),
    ] = None
    body: Annotated[Text | None, Field(description="The text of the mail, without markup")] = None
    allow: Annotated[mail.Allow | None, Field(description="Whom the run itself may choose as recipients")] = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        self.checked(self.body, "body")
        if self.body is not None and self.subject is None:
            raise ValueError("a body needs a subject")
        return self


class ChannelConfig(Message):
    """One post. The address of a channel is its secret, so it usually stays in the server's settings."""

    model_config = ConfigDict(json_schema_extra=shape_with("text"))

    text: Annotated[Text | None, Field(description="The text of the post, without markup")] = None
    webhook_url: Annotated[
        Url | None,
        Field(description="Incoming-webhook address of another channel than the one in the server's settings"),
    ] = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        self.checked(self.text, "text")
        return self


class WebhookConfig(Config):
    """One POST of a JSON body."""

    url: Annotated[Url, Field(description="Address; its host is written out, not a template")]
    body: Annotated[Any, Field(description="What is posted, as JSON")]
    signed: Annotated[
        bool, Field(description="Sign it as Standard Webhooks do, so that the receiver knows who sent it")
    ] = True


class LogConfig(Config):
    """One line."""

    level: Annotated[Literal["info", "warning", "error"], Field(description="How much it matters")] = "info"
    text: Annotated[Text, Field(description="What is noted in the execution's log")]


def _mail_words(written: Written, _setting: Setting) -> str:
    return f"mail {mail.recipients_in_words(written) or 'nobody yet'}"


def _mail_consents(written: Written, setting: Setting) -> list[Consent | Unbounded]:
    return mail.consents(written, setting, ("to", "cc"))


def _channel_type(name: str, product: str) -> ActionType:
    """Slack and Teams differ in how a post is written, not in what a workflow says about it."""
    kind = name.rpartition(".")[2]

    def words(written: Written, _setting: Setting) -> str:
        where = f" through {host_in_words(str(written['webhook_url']))}" if written.get("webhook_url") else ""
        return f"post to {product}{where}"

    def consents(written: Written, _setting: Setting) -> list[Consent | Unbounded]:
        address = written.get("webhook_url")
        return [Consent(kind, "default")] if address is None else _to_channel(kind, str(address))

    return ActionType(
        name=name,
        config=ChannelConfig,
        effect="notify",
        doc=f"Post to a {product} channel: a text of your own or a template with its data.",
        output=_SENT,
        words=words,
        consents=consents,
        channel=lambda written: None if written.get("webhook_url") else kind,
        perform=_post_through(kind),
    )


def _to_channel(kind: str, address: str) -> list[Consent | Unbounded]:
    """Consent to one channel: all share a host and the path is a secret, so the address's digest stands for it."""
    if HOLE not in address:
        return [Consent(kind, _channel_target(address))]
    if awaits_user(address):
        return []
    message = f"Which channel {address[:100]!r} is would be decided only in the run."
    return [Unbounded("webhook_url", message, "Write the whole address out, or put it in a variable.")]


def _channel_target(address: str) -> str:
    return f"{host_of(address)}#{hashlib.sha256(address.encode()).hexdigest()[:12]}"


def _webhook_words(written: Written, _setting: Setting) -> str:
    return f"post to {host_in_words(str(written.get('url', '')))}"


def _webhook_consents(written: Written, _setting: Setting) -> list[Consent | Unbounded]:
    return agreed("webhook", "url", str(written.get("url", "")))


# Empty recipients: there was nothing to say, and `when_empty` said to be silent then.
_SENT = closed(recipients=array_of(text()), message_id=or_null(text()))


async def _mail(config: EmailConfig, context: Context) -> Act:
    people = [*config.to, *(config.cc or ())]
    touches = await admitted(people, config.allow, context)
    to = people if context.run.deliver_to is None else [context.run.deliver_to]
    return await _tell(config, context, "email", tuple(dict.fromkeys(to)), config.subject, config.body, touches)


def _post_through(kind: str) -> Perform:
    async def perform(config: ChannelConfig, context: Context) -> Act:
        address = config.webhook_url
        target = "default" if address is None else _channel_target(address)
        return await _tell(config, context, kind, (), None, config.text, ((kind, target),), url=address)

    return perform


async def _tell(
    config: Message,
    context: Context,
    channel: str,
    to: tuple[str, ...],
    subject: str | None,
    text: str | None,
    touches: tuple[tuple[str, str], ...],
    url: str | None = None,
) -> Act:
    """A message that is worded; whether there is anything to say is known by then."""
    run = context.run
    letter = await context.telling.letter(
        channel,
        principal=run.run_as,
        to=to,
        url=url,
        subject=subject,
        text=text,
        template=config.template,
        data=config.data,
    )
    is_nothing = letter.is_empty and await _stays_silent(config, context)

    async def perform() -> Output:
        recipients, message_id = await letter.send()
        if config.when_empty == "weekly":
            await context.memory.remember(run.workflow_id, _said_at(context), context.clock.now().isoformat())
        return {"recipients": list(recipients), "message_id": message_id}

    silent: Output = {"recipients": [], "message_id": None}
    return Act(
        summary=f"Tell {', '.join(letter.recipients) or channel}",
        shown=letter.shown,
        perform=perform,
        preview=silent if is_nothing else {"recipients": list(letter.recipients), "message_id": None},
        targets=letter.targets,
        touches=touches,
        is_nothing=is_nothing,
    )


async def _stays_silent(config: Message, context: Context) -> bool:
    """Whether an empty message is kept back: always, never, or unless nothing was said for a week."""
    if config.when_empty != "weekly":
        return config.when_empty == "skip"
    is_known, said_at = await context.memory.recall(context.run.workflow_id, _said_at(context))
    if not is_known or not isinstance(said_at, str):
        return False
    return context.clock.now() - datetime.fromisoformat(said_at) < timedelta(days=7)


def _said_at(context: Context) -> str:
    """A name that no action can write: theirs begin with a letter."""
    return f"_said_at_{context.run.step}"


async def _post(config: WebhookConfig, context: Context) -> Act:
    context.telling.admit(config.url)
    host = host_of(config.url) or ""  # `Url` has one

    async def perform() -> Output:
        recipients, message_id = await context.telling.post(
            config.url,
            config.body,
            signed=config.signed,
            principal=context.run.run_as,
            message_id=f"msg_{context.run.key[:32]}",
        )
        return {"recipients": list(recipients), "message_id": message_id}

    return Act(
        summary=f"Post to {host}",
        shown={"url": config.url, "signed": config.signed, "body": config.body},
        perform=perform,
        preview={"recipients": [host], "message_id": None},
        targets=(f"webhook:{host}",),
        touches=(("webhook", host),),
    )


async def _note(config: LogConfig, context: Context) -> Output:
    await context.note(config.level, config.text)
    return {"recipients": [], "message_id": None}


TYPES = (
    ActionType(
        name="notify.email",
        config=EmailConfig,
        effect="notify",
        doc="Mail people: a text of your own or a template with its data.",
        output=_SENT,
        words=_mail_words,
        consents=_mail_consents,
        channel=lambda _written: "email",
        perform=_mail,
    ),
    _channel_type("notify.slack", "Slack"),
    _channel_type("notify.teams", "Teams"),
    ActionType(
        name="notify.webhook",
        config=WebhookConfig,
        effect="notify",
        doc="Post a JSON body to another program, signed so that it can tell who sent it.",
        output=_SENT,
        words=_webhook_words,
        consents=_webhook_consents,
        perform=_post,
    ),
    ActionType(
        name="notify.log",
        config=LogConfig,
        effect="notify",
        doc="Note a line in the execution's log; it leaves this server for nobody.",
        output=_SENT,
        words=lambda _written, _setting: "note a line in its log",
        perform=_note,
    ),
)
