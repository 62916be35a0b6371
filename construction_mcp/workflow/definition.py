"""A workflow as people and models write it: YAML or JSON, PRODUCT.md section 5.

The models hold the shape only. Whether a reference resolves or a cron expression means anything is for the compiler, so
that a draft with mistakes in it can still be stored, shown and mended.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

KEY = r"^[a-z][a-z0-9_]{0,63}$"
ACTIONS_MAX = 1000
Key = Annotated[str, Field(pattern=KEY)]
Expression = Annotated[str, Field(max_length=2000)]  # security.md finding 3 bounds what is evaluated


class Model(BaseModel):
    """Closed: a misspelt field is an error. Absent stays absent: only what was written is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def written(self) -> dict[str, Any]:
        """What the user wrote, as JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


class Trigger(Model):
    """What starts a workflow. Which fields apply depends on `type`."""

    type: Annotated[Literal["manual", "schedule", "webhook", "poll"], Field(description="Decides which fields apply")]
    cron: Annotated[str | None, Field(max_length=200, description="minute hour day month weekday")] = None
    timezone: Annotated[str | None, Field(max_length=64, description="IANA name, as America/Chicago")] = None
    catch_up: Annotated[Literal["skip", "once", "all"] | None, Field(description="Runs missed while off")] = None
    overlap: Annotated[Literal["skip", "queue", "cancel_previous"] | None, Field(description="While one runs")] = None
    calendar: Annotated[Literal["every_day", "working_days"] | None, Field(description="Days that count")] = None
    holidays: Annotated[list[date] | None, Field(max_length=200, description="Other days off")] = None
    catch_up_within_h: Annotated[float | None, Field(gt=0, le=168, description="12 unless given")] = None
    jitter_s: Annotated[int | None, Field(ge=0, le=3600, description="Spread of starts")] = None
    source: Annotated[Literal["procore", "custom"] | None, Field(description="Who sends")] = None
    resources: Annotated[list[str] | None, Field(max_length=50, description="Procore resource names, as RFIs")] = None
    events: Annotated[
        list[Literal["create", "update", "delete"]] | None,
        Field(max_length=3, description="All unless given"),
    ] = None
    filter: Annotated[Expression | None, Field(description="CEL over event")] = None
    every_s: Annotated[int | None, Field(ge=60, le=86_400, description="Seconds between looks")] = None


class Variable(Model):
    """A value the workflow's user fills in once."""

    type: Annotated[
        str, Field(max_length=40, description="string, number, boolean, email, date, project_id, project_ids")
    ]
    required: Annotated[bool | None, Field(description="Whether it needs a value")] = None
    default: Annotated[Any, Field(description="Used while no value is given")] = None
    value: Annotated[Any, Field(description="What this workflow's user filled in")] = None
    description: Annotated[str | None, Field(max_length=500, description="For the user")] = None


class Retry(Model):
    """How often a step is tried again, on errors that can pass."""

    max_attempts: Annotated[int, Field(ge=1, le=20, description="Tries in all")]
    initial_s: Annotated[float | None, Field(gt=0, le=3600, description="First wait")] = None
    max_s: Annotated[float | None, Field(gt=0, le=86_400, description="Longest wait")] = None


class ForEach(Model):
    """Run the action once per item."""

    items: Annotated[Expression, Field(description="CEL list")]
    as_: Annotated[Key | None, Field(alias="as", description="Name of one item")] = None
    concurrency: Annotated[int | None, Field(ge=1, le=20, description="How many at once")] = None
    max_items: Annotated[int | None, Field(ge=1, le=1000, description="More fails the step")] = None


class Action(Model):
    """One entry of a workflow."""

    key: Annotated[str, Field(pattern=KEY, description="Unique in the workflow; others refer to steps.<key>")]
    type: Annotated[str, Field(min_length=1, max_length=100, description="For example procore.rfi.list, notify.email")]
    config: Annotated[dict[str, Any] | None, Field(description="Settings of that type; {{ CEL }} in strings")] = None
    condition: Annotated[Expression | None, Field(description="CEL; the action is skipped when false")] = None
    depends_on: Annotated[list[str] | None, Field(max_length=100, description="Keys that must be done first")] = None
    for_each: Annotated[ForEach | None, Field(description="Run once per item")] = None
    retry: Annotated[Retry | None, Field(description="Try again")] = None
    timeout_s: Annotated[float | None, Field(gt=0, le=86_400, description="Seconds it may take")] = None
    on_error: Annotated[Literal["fail", "continue"] | None, Field(description="fail unless given")] = None


class Definition(Model):
    """A whole workflow."""

    name: Annotated[str, Field(min_length=1, max_length=200, description="What people call it")]
    description: Annotated[str | None, Field(max_length=5000, description="Its purpose, in words for people")] = None
    project_id: Annotated[int | None, Field(ge=1, description="Procore project that its actions use")] = None
    trigger: Annotated[Trigger | None, Field(description="What starts it")] = None
    variables: Annotated[
        dict[str, Variable] | None, Field(max_length=100, description="Values filled in once; vars.<name> reads them")
    ] = None
    actions: Annotated[Sequence[Action] | None, Field(max_length=ACTIONS_MAX, description="What it does, in order")] = (
        None
    )
