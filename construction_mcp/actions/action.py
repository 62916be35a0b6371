"""What the author of an action type writes. Read this, then any module beside it.

    class RemindConfig(Config):
        project_id: ProjectId = None
        subject: Annotated[str, Field(min_length=1, max_length=200, description="Subject line of the reminder")]

    TYPES = (
        ActionType("concrete.remind", RemindConfig, output=schema_of(Reminder), effect="notify", doc="Remind ..."),
    )

A config is what the action gets once every template in it has been filled in. The compiler checks what is written as
far as it is written out, and the type of each `{{ }}` against the field it stands in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import PydanticCustomError

from construction_mcp.actions.hole import Hole, has_hole, kinds_taken, may_stand, without_holes, words_for
from construction_mcp.expressions.port import Schema

if TYPE_CHECKING:
    from construction_mcp.actions.performing import Perform

Effect = Literal["read", "write", "notify", "pure", "wait"]
"""`read` reads Procore, `write` changes Procore, another system or durable state, `notify` reaches people, `pure`
computes, `wait` waits. `write`, `notify` and `wait` keep their written order (PRODUCT.md section 5)."""

PERFORMED_BY_ENGINE = frozenset({"wait.for", "wait.until", "approval.request", "workflow.call"})

Level = Literal["read_only", "standard", "admin"]


class Config(BaseModel):
    """Closed: a misspelt field is an error.

    A `Hole` is taken wherever its kind of value is: the compiler validates a config with the computed parts standing
    for themselves, so that what is written out is judged as strictly as at run time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _with_holes(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if isinstance(value, Hole):
            assert info.field_name is not None
            _require_kind(cls, info.field_name, value)
            return value
        if isinstance(value, (list, dict)) and has_hole(value):
            if written := without_holes(value):  # nothing is left of [Hole], which says nothing about its length
                validate(written)
            return value
        return validate(value)


Expression = Annotated[str, Field(min_length=1, max_length=2000)]  # security.md finding 3 bounds what is evaluated


@dataclass(frozen=True, slots=True)
class Cel:
    """Marks a config field that is an expression as a whole, not a text with `{{ }}` in it.

    Where the field holds an object, each of its values is an expression, and to `ActionType.output` the field is an
    object of what they give.

    item_of: the field whose elements it is evaluated for, each as `item`; None when it is evaluated once.
    gives: the JSON type it has to give; None for any.
    """

    item_of: str | None = None
    gives: str | None = None


@dataclass(frozen=True, slots=True)
class NamesProjects:
    """Marks a config field that names Procore projects: an id, several, `all_active`; None is the workflow's own.

    By it the compiler knows which ids have to be projects of the company, and that one has to be known at all.
    """


@dataclass(frozen=True, slots=True)
class Consent:
    """One thing outside this server that deploying agrees to: `mail` to an address, `procore` writes of one kind.

    kind: mail, slack, teams, webhook, http, procore, workflow.
    target: the address, host, or `rfi.reply in project 1001`; part of the consent digest, so it is written canonically.
    max_per_run: how often in one execution; None when the plan's shape bounds it.
    """

    kind: str
    target: str
    max_per_run: int | None = None


@dataclass(frozen=True, slots=True)
class Unbounded:
    """Somebody or something outside that only a run would decide, so that nobody can agree to it beforehand.

    The compiler makes it the problem RECIPIENT_UNBOUNDED at `field` of the config.
    """

    field: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Need:
    """A permission of Procore: the least level in one of its tools, for a project or (None) the company."""

    tool: str
    level: Level
    project_id: int | None = None


Written = Mapping[str, Any]
"""A config as written, with variables filled in where they have a value; other templates are still text."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What an action type may know when it describes itself: its workflow's project, and the projects `all_active` is.

    active_projects is None where nobody has asked Procore yet.
    """

    project_id: int | None = None
    active_projects: Sequence[int] | None = None


@cache
def fields_schema(config: type[Config]) -> Schema:
    """The JSON Schema of a config, for the kinds of value its fields take."""
    return config.model_json_schema()


@cache
def cel_fields(config: type[Config]) -> Mapping[str, Cel]:
    """The fields that are expressions as a whole; several under one name where the field is a mapping."""
    marks = {name: _mark(field.metadata, field.annotation) for name, field in config.model_fields.items()}
    return {name: cel for name, cel in marks.items() if cel is not None}


@cache
def project_fields(config: type[Config]) -> Sequence[str]:
    """The fields that name Procore projects."""
    fields = config.model_fields.items()
    return [name for name, field in fields if any(isinstance(mark, NamesProjects) for mark in field.metadata)]


def _mark(metadata: Sequence[Any], annotation: Any) -> Cel | None:
    """The `Cel` on a field, or on what its mapping holds."""
    parts = (*metadata, *get_args(annotation))
    found = next((one for one in parts if isinstance(one, Cel)), None)
    return found or next((cel for part in get_args(annotation) if (cel := _mark((), part))), None)


def _require_kind(config: type[Config], name: str, hole: Hole) -> None:
    gives = hole.schema.get("type")
    if isinstance(gives, str) and gives in _kinds_taken(config, name):
        return
    if name in cel_fields(config):
        return  # an expression is text, whatever it gives
    wanted, definitions = _wanted(config, name)
    if not may_stand(hole.schema, wanted, definitions):
        takes, gives = words_for(wanted, definitions), words_for(hole.schema, {})
        raise PydanticCustomError(
            "hole", "takes {takes}, and {text} gives {gives}", {"takes": takes, "text": hole.text, "gives": gives}
        )


def _wanted(config: type[Config], name: str) -> tuple[Schema, Mapping[str, Schema]]:
    """The JSON Schema of a field, and what it refers to."""
    schema = fields_schema(config)
    return schema["properties"][config.model_fields[name].alias or name], schema.get("$defs", {})


@cache
def _kinds_taken(config: type[Config], name: str) -> frozenset[str]:
    return kinds_taken(*_wanted(config, name))


def _nothing(_config: Written, _setting: Setting) -> Sequence[Any]:
    return ()


def _no_requests(_config: Written, _setting: Setting) -> int:
    return 0


def _never(_config: Written) -> bool:
    return False


def _no_channel(_config: Written) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class ActionType:
    """One kind of action.

    effect: the strongest it can have; `effect_of` tells that of one config, where some do less (a GET only reads).
    output: JSON Schema of what the step gives, or a function from the schemas of its config's values to it; the schema
    of a value that is written out has it as `const`.
    doc: one sentence, imperative: what it does and gives; used in docs, compiler and completions.
    words: the effect for a person, "mail {to}"; without it the doc's first words stand in.
    consents, needs, requests: what deploying agrees to, which permissions it takes, and how many upstream requests at
        most one run of it sends (a page is one request).
    only_reads: whether a config of a type that may write changes nothing; what it cannot tell yet, it has to deny.
    asks_person: its outcome is a person's decision; outside effects after it run only when they said yes.
    channel: what of this installation's settings this config sends through: email, slack or teams; None for what it
        brings along itself, or sends nowhere.
    procore_tool: Procore's own name of the tool it works in, where it is one.
    perform: carries it out (`performing.py`); None where the engine itself does, as it does waits and approvals.
    """

    name: str
    config: type[Config]
    effect: Effect
    doc: str
    output: Schema | Callable[[Mapping[str, Schema]], Schema]
    words: Callable[[Written, Setting], str] | None = None
    consents: Callable[[Written, Setting], Sequence[Consent | Unbounded]] = field(default=_nothing)
    needs: Callable[[Written, Setting], Sequence[Need]] = field(default=_nothing)
    requests: Callable[[Written, Setting], int] = field(default=_no_requests)
    asks_person: bool = False
    only_reads: Callable[[Written], bool] = field(default=_never)
    channel: Callable[[Written], str | None] = field(default=_no_channel)
    perform: "Perform | None" = None
    procore_tool: str | None = None

    def effect_of(self, config: Written) -> Effect:
        """What this config does: `read` where it only reads, though the type may write."""
        return "read" if self.only_reads(config) else self.effect

    @property
    def is_performed(self) -> bool:
        """Whether something carries it out: its own `perform`, or the engine."""
        return self.perform is not None or self.name in PERFORMED_BY_ENGINE

    @property
    def family(self) -> str:
        return self.name.rpartition(".")[0]


class ActionTypes(Protocol):
    """How the compiler finds action types; `catalogue.Catalogue` is the one behind it."""

    def get(self, name: str) -> ActionType | None:
        """The type by its full name."""
        ...

    def names(self) -> Sequence[str]:
        """Every name, sorted; for nearest names and completions."""
        ...
