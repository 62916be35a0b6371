"""Checks every expression and template of one workflow and remembers what each step was found to give."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from construction_mcp.actions.hole import Hole, has_hole, may_stand, words_for
from construction_mcp.actions.shapes import one_for_each
from construction_mcp.expressions.port import ANYTHING, Checked, ExpressionEngine, Mistake, Schema, Scope
from construction_mcp.expressions.templates import parse, render
from construction_mcp.workflow.definition import KEY
from construction_mcp.workflow.problems import Problem, error, warning

_TEXT: Schema = {"type": "string"}
STEP_STATUS: Schema = {"type": "string", "enum": ["completed", "simulated", "skipped", "failed"]}
_ERROR: Schema = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "additionalProperties": False,
}
_TRUTH: Schema = {"type": "boolean"}
_FAILURE: Schema = {"anyOf": [_ERROR, {"type": "null"}]}  # one object for all steps: a schema once seen is one lookup
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_NAME = re.compile(r"\b(steps|vars)\s*\.\s*([A-Za-z_]\w*)")
_VARIABLE = re.compile(r"vars\.[a-z][a-z0-9_]*")
_PATH = r"[A-Za-z_]\w*(?:\.\w+|\[\d+\])+"
_ONLY_A_PATH = re.compile(rf"\s*({_PATH})\s*")
_OTHER_BRACES = re.compile(rf"(?<![{{$])\{{\s*({_PATH})\s*\}}(?!\}})")
_FOREIGN = re.compile(rf"\{{%|\{{\{{\s*[#/>]|\$\{{\s*({_PATH})\s*\}}")
_LATER = "Mend the problems before it; then it is said what may have been meant."
_REPEATS = 'A text has no statements: write {{ join(steps.x.output.items.map(r, r.subject), ", ") }}.'


@one_for_each
def step_schema(output: Schema) -> Schema:
    """What `steps.<key>` is: its output while it gave one, its status, its error."""
    properties = {"output": output, "status": STEP_STATUS, "error": _FAILURE}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def names_in(text: str) -> set[str]:
    """The `steps.x` and `vars.x` a text mentions outside quotes; a quick look, before anything is checked."""
    return {f"{root}.{name}" for root, name in _names_in(text)} if "steps" in text or "vars" in text else set()


def steps_in(config: Any) -> set[str]:
    """The steps that the texts of a config mention, as quickly looked at."""
    texts = (text for text in texts_in(config) if "steps" in text)
    return {name for text in texts for root, name in _names_in(text) if root == "steps"}


def _names_in(text: str) -> list[tuple[str, str]]:
    return _NAME.findall(_QUOTED.sub("''", text) if "'" in text or '"' in text else text)


def texts_in(value: Any) -> list[str]:
    """Every text in a config, in no order that means anything."""
    found: list[str] = []
    waiting = [value]
    for one in waiting:  # grows while it is walked
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):  # as JSON has it: asking for Mapping costs more than all the rest
            waiting += one.values()
    return found


@dataclass(slots=True)
class Expressions:
    """The expressions of one workflow, checked one after another in the order in which steps can run.

    names: what every expression may use, by qualified name; steps are added with what they give.
    values: the variables that have a sound value; a template that holds nothing else is filled in here and now.
    explained_max: problems after which no more is looked for what was meant instead: that costs every name there is.
    reads: the references of each expression that makes sense, with its place; broken: the places of those that do not.
    """

    engine: ExpressionEngine
    names: dict[str, Schema]
    values: Mapping[str, Any]
    explained_max: int
    problems: list[Problem] = field(default_factory=list)
    reads: list[tuple[str, Sequence[tuple[str, ...]]]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    _roots: dict[str, Schema] = field(init=False)
    _unusable: Sequence[str] = field(init=False)
    _known: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._roots = {name: schema for name, schema in self.names.items() if "." not in name}
        variables = (name for name in self.names if name.startswith("vars."))
        self._unusable = [name for name in variables if not re.fullmatch(KEY, name[len("vars.") :])]
        values = {f"vars.{name}": value for name, value in self.values.items() if value is not None}
        self._known = {name: value for name, value in values.items() if _VARIABLE.fullmatch(name)}

    def check(self, path: str, text: str, local: Mapping[str, Schema], offset: int = 0) -> Checked | None:
        """What the expression gives, or None after its mistakes were added to the problems.

        offset: where it starts in the text that stands at `path`.
        """
        found = self._found(text, local)
        if isinstance(found, Checked):
            self.reads.append((path, found.references))
            return found
        self.broken.add(path)
        if any(name in text for name in self._unusable):  # told where the variable is declared
            return None
        if len(self.problems) >= self.explained_max:
            self.problems.extend(error(path, one.code, one.message, _LATER) for one in _distinct(found))
            return None
        found = self.engine.check(text, Scope({**self.names, **local}))
        assert not isinstance(found, Checked), "a wider scope makes no sense of what a narrower one could not"
        self.problems.extend(_problem(path, mistake, text, offset) for mistake in _distinct(found))
        return None

    def _found(self, text: str, local: Mapping[str, Schema]) -> Checked | Sequence[Mistake]:
        known = None if local else self.engine.recall(text, self.names)
        if known is not None:
            return known
        # A scope of what is mentioned costs what is mentioned; the whole one is for naming what was meant instead.
        mentioned = {name: self.names[name] for name in names_in(text) if name in self.names}
        return self.engine.check(text, Scope({**self._roots, **mentioned, **local}))

    def whole(self, path: str, text: str, local: Mapping[str, Schema]) -> Checked | None:
        """As `check`, for a place that takes an expression and no text: braces have no business there."""
        if "{{" not in text or "{{" not in _QUOTED.sub("", text):
            return self.check(path, text, local)
        bare = " ".join(text.replace("{{", " ").replace("}}", " ").split())
        message = "This field is an expression already; {{ }} is for texts."
        self.problems.append(error(path, "EXPRESSION_IN_BRACES", message, f"Write {bare!r} without the braces."))
        return None

    def boolean(self, path: str, text: str, local: Mapping[str, Schema]) -> Checked | None:
        """As `whole`, for an expression that has to be true or false."""
        found = self.whole(path, text, local)
        if found is not None and found.result != _TRUTH and not may_stand(found.result, _TRUTH, {}):
            message = f"A condition is true or false; this gives {words_for(found.result, {})}."
            self.problems.append(error(path, "CONDITION_NOT_BOOLEAN", message, "Compare it: size(...) > 0, x == y."))
        return found

    def fill(self, path: str, value: Any, local: Mapping[str, Schema], references: set[tuple[str, ...]]) -> Any:
        """A config value with each computed part as a `Hole` and known variables filled in."""
        if isinstance(value, str):
            return self._fill_text(path, value, local, references)
        if isinstance(value, list):
            return [self.fill(f"{path}[{at}]", part, local, references) for at, part in enumerate(value)]
        if isinstance(value, dict):
            parts = self.named(path, value).items()
            return {key: self.fill(f"{path}.{key}", part, local, references) for key, part in parts}
        return value

    def named(self, path: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields whose names are written out: names are never templates."""
        wrong = [key for key in value if "{{" in str(key)]
        for key in wrong:
            message = f"The name {str(key)[:60]!r} would not be filled in; only values are."
            self.problems.append(error(path, "TEMPLATE_IN_KEY", message, "Write the name out."))
        return {key: part for key, part in value.items() if key not in wrong} if wrong else value

    def _fill_text(self, path: str, text: str, local: Mapping[str, Schema], references: set[tuple[str, ...]]) -> Any:
        foreign = self._foreign(path, text, local)
        if "{{" not in text:
            self.problems.extend(foreign)
            return Hole(f"{{{{ {text.strip()} }}}}", ANYTHING) if foreign else text
        template = parse(text)
        holes = template.holes
        before = len(self.problems)
        self.problems.extend(_problem(path, mistake, text, 0) for mistake in template.mistakes)
        is_value = template.is_value
        result: Schema = ANYTHING if is_value else _TEXT
        for part in holes:
            checked = self.check(path, part.text, local, part.position)
            if checked is not None:
                references.update(checked.references)
                result = checked.result if is_value else result
        is_broken = len(self.problems) > before
        if foreign:
            del self.problems[before:]  # what stands between foreign statements makes no sense by itself
            self.problems.extend(replace(one, severity="error") if is_broken else one for one in foreign)
        if is_broken:
            return Hole(text, ANYTHING)
        if all(part.text in self._known for part in holes):
            return render(template.parts, [self._known[part.text] for part in holes])
        return Hole(text, result)

    def _foreign(self, path: str, text: str, local: Mapping[str, Schema]) -> list[Problem]:
        """Braces that are missing, or those of another language."""
        only = _ONLY_A_PATH.fullmatch(text)
        if only and self._is_name(only[1], local):
            message = f"{only[1]} is a name, and stands here as a text."
            return [error(path, "BRACES_MISSING", message, f'Write "{{{{ {only[1]} }}}}".')]
        if "{" not in text:
            return []
        single = _OTHER_BRACES.search(text) if "{{" not in text else None
        if single and self._is_name(single[1], local):
            message = f"{single[0]} is not filled in: it has one brace."
            return [error(path, "BRACES_MISSING", message, f'Write "{{{{ {single[1]} }}}}".')]
        found = _FOREIGN.search(text)
        if found is None or (found[1] and not self._is_name(found[1], local)):
            return []
        fix = f'Write "{{{{ {found[1]} }}}}".' if found[1] else _REPEATS
        make = error if found[1] else warning  # {% may be meant for whom the text goes to
        return [make(path, "TEMPLATE_FOREIGN", f"{found[0][:60]} is another template language.", fix)]

    def _is_name(self, path: str, local: Mapping[str, Schema]) -> bool:
        """Whether a path begins with something that exists here."""
        root, _, rest = path.partition(".")
        first = f"{root}.{re.split(r'[.[]', rest)[0]}"
        return root in local or root in self._roots or first in self.names


def _distinct(mistakes: Sequence[Mistake]) -> Sequence[Mistake]:
    """One for each wrong name: who mends it once will mend it everywhere."""
    return list({(one.code, one.found or one.position): one for one in reversed(mistakes)}.values())[::-1]


def _problem(path: str, mistake: Mistake, text: str, offset: int) -> Problem:
    at = f"at character {mistake.position + offset + 1}" if mistake.position >= 0 else "somewhere"
    fix = mistake.fix or (f"Did you mean {mistake.nearest[0]}?" if mistake.nearest else "See the names you may use.")
    return error(path, mistake.code, f"{mistake.message} ({at} of {text[:80]!r})", fix)


def schema_of_value(value: Any) -> Schema:
    """What is known of a config value: of a hole what it gives, of a written value its type and itself as `const`."""
    if isinstance(value, Hole):
        return value.schema
    if isinstance(value, Mapping):
        properties = {key: schema_of_value(part) for key, part in value.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    if isinstance(value, list):
        kinds_found = [_of_any_value(schema_of_value(part)) for part in value]
        items = kinds_found[0] if value and all(one == kinds_found[0] for one in kinds_found) else ANYTHING
        return {"type": "array", "items": items, **({} if has_hole(value) else {"const": value})}
    kinds: Sequence[tuple[type, str]] = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    return next(({"type": name, "const": value} for kind, name in kinds if isinstance(value, kind)), ANYTHING)


def _of_any_value(schema: Schema) -> Schema:
    """The schema without the values it was made from: what the items of a list have in common."""
    kept = {key: inner for key, inner in schema.items() if key != "const"}
    if "properties" in kept:
        kept["properties"] = {name: _of_any_value(inner) for name, inner in kept["properties"].items()}
    return kept
