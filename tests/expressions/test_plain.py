"""What is told by the names of an expression is what its tree tells."""

import random

from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Checked, Scope

_MAYBE = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
_RECORD = {"total": {"type": "integer"}, "name": {"type": ["string", "null"]}, "items": {"type": "array"}}
SCOPE = Scope(
    {
        "vars.limit": {"type": "number"},
        "vars.name": {"type": "string"},
        "vars.maybe": _MAYBE,
        "steps.rfis": {
            "type": "object",
            "properties": {"output": {"type": "object", "properties": _RECORD, "additionalProperties": False}},
            "additionalProperties": False,
        },
        "trigger": {},
        "item": {"type": "object"},
    }
)
_ATOMS = (
    *("vars.limit", "vars.name", "vars.maybe", "steps.rfis.output.total", "steps . rfis.output.name"),
    *("steps.rfis.output.items", "trigger", "trigger.body.size", "item.days", "item", "1", "2.5", "1u", "true", "null"),
    *("size(item)", "size (vars.name)", "vars.name.size()", "date (vars.name)", "today ()", "number(vars.name)"),
    *("string (1)", "int", "default(vars.maybe, 1)", "has(item.a)", "steps.rfis.output.items[0]", "'a'"),
    *("steps.rfis.output.items.map(q, q + 1)", "item.size", "steps.gone", "steps.rfis.output.totl"),
)
_OPERATORS = ("+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||", " in ", " ? 1 : ")
AS_A_TREE = " // a comment, for which the tree is read"


def _written(dice: random.Random, depth: int) -> str:
    turn = dice.random()
    if depth == 0 or turn < 0.2:
        return dice.choice(_ATOMS)
    if turn < 0.4:
        form = dice.choice(("({})", "size({})", "!{}", "-{}", "!({})", " {} "))
        return form.format(_written(dice, depth - 1))
    space = dice.choice(("", " "))
    return f"{_written(dice, depth - 1)}{space}{dice.choice(_OPERATORS)}{space}{_written(dice, depth - 1)}"


def test_names_tell_the_same_as_the_tree():
    """References, result and mistakes are those of the tree, whatever is put together."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice, engine = random.Random(seed), CelEngine()
    sound = 0

    for text in (_written(dice, 3) for _ in range(3000)):
        told, read = engine.check(text, SCOPE), engine.check(text + AS_A_TREE, SCOPE)
        assert isinstance(told, Checked) == isinstance(read, Checked), text
        if isinstance(told, Checked) and isinstance(read, Checked):
            sound += 1
            assert (told.result, told.references, told.loops) == (read.result, read.references, read.loops), text

    assert sound > 300


def test_a_call_written_with_a_space_is_a_call():
    """`number (x) * 2` would fail whenever it runs, which its names do not tell."""
    assert not isinstance(CelEngine().check("number (vars.name) * 2", SCOPE), Checked)


def test_a_name_in_brackets_keeps_its_schema():
    """Only what is computed is known by its type alone."""
    for text in ("(vars.maybe)", "--(vars.maybe)", "- -(vars.maybe)"):
        checked = CelEngine().check(text, SCOPE)

        assert isinstance(checked, Checked)
        assert checked.result == CelEngine().check(text + AS_A_TREE, SCOPE).result


def test_what_is_known_of_one_plain_expression_keeps_the_names_of_another():
    """One check serves every step of a type and every limit; what is read is each one's own."""
    names = SCOPE.names
    engine, scope = CelEngine(), Scope({"steps.rfis": names["steps.rfis"], "steps.others": names["steps.rfis"]})

    first = engine.check("steps.rfis.output.total > 3", scope)
    other = engine.check("steps.others.output.total > 14", scope)

    assert first == Checked(
        "steps.rfis.output.total > 3", {"type": "boolean"}, (("steps", "rfis", "output", "total"),), False
    )
    assert other == Checked(
        "steps.others.output.total > 14", {"type": "boolean"}, (("steps", "others", "output", "total"),), False
    )


def test_a_number_that_is_none_is_told_though_the_expression_is_known_with_another():
    """Out of range, or of another kind: only whole numbers that all mean the same stand for each other."""
    engine = CelEngine()
    assert isinstance(engine.check("steps.rfis.output.total > 3", SCOPE), Checked)
    assert isinstance(engine.check("steps.rfis.output.total + 3", SCOPE), Checked)

    for text in (
        "steps.rfis.output.total > 99999999999999999999",
        "steps.rfis.output.total + 3u",
        "steps.rfis.output.total + 2.5",
        "steps.rfis.output.total + 3x",
    ):
        assert not isinstance(engine.check(text, SCOPE), Checked), text


TWINS = Scope(
    {
        **SCOPE.names,
        "steps.twin": SCOPE.names["steps.rfis"],
        "steps.size": SCOPE.names["steps.rfis"],
        "vars.other": {"type": "string"},
        "vars.kinds": {"type": "string", "enum": ["open", "closed"]},
        "vars.name-x": {"type": "string"},
        "zz__0": {"type": "number"},
    }
)
_ALIKE = (
    *("vars.other", "vars.kinds", "steps.twin.output.total", "steps.size.output.total", "steps.twin.output.items"),
    *("vars.name-x", "zz__0", "first_given__", "7", "42", "07", "1e5", "2x5", "0x1f", "3u", "99999999999999999999"),
    *("steps.twin.output.items.size()", "steps.size.output.items.size ()", "size(steps.size)", "steps.twin.size"),
    *(
        "(steps.twin.output).total",
        "steps.rfis.output.items[0].total",
        "'vars.name'",
        "a.vars.name",
        "vars.name.vars.name",
    ),
)


def test_what_is_recalled_is_what_a_check_says():
    """Of any text, after others that are written alike: nothing is taken for its like that means something else."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice, engine = random.Random(seed), CelEngine()
    recalled = 0

    for _ in range(3000):
        text = _written(dice, 2)
        for atom in dice.sample(_ATOMS, 8):
            text = text.replace(atom, dice.choice(_ALIKE)) if dice.random() < 0.5 else text
        known, read = engine.recall(text, TWINS.names), engine.check(text + AS_A_TREE, TWINS)
        if known is not None:
            recalled += 1
            assert isinstance(read, Checked), text
            assert (known.text, known.loops) == (text, read.loops)
            assert (known.result, known.references) == (read.result, read.references), text
        engine.check(text, TWINS)

    assert recalled > 100


def test_what_is_written_alike_is_recalled_with_names_of_its_own():
    """A method's name is no field of what it is called on, nor a field of something computed a name."""
    engine = CelEngine()
    for text in ("steps.rfis.output.items.size() > 3", "(steps.rfis.output).total > vars.limit"):
        assert isinstance(engine.check(text, TWINS), Checked)

    size = engine.recall("steps.twin.output.items.size() > 14", TWINS.names)
    total = engine.recall("(steps.twin.output).total > vars.limit", TWINS.names)

    assert size is not None
    assert size.references == (("steps", "twin", "output", "items"),)
    assert total is not None
    assert total.references == (("steps", "twin", "output"), ("vars", "limit"))


def test_a_quick_look_that_saw_other_names_is_not_believed():
    engine = CelEngine()
    checked = engine.check("steps . rfis.output.total > 3", TWINS)

    assert isinstance(checked, Checked)
    assert checked.references == (("steps", "rfis", "output", "total"),)
    assert engine.recall("steps . rfis.output.total > 3", TWINS.names) is None


def test_nothing_is_recalled_of_a_text_that_no_parser_gets():
    """Too long, or with our own names in it, though its like is known."""
    engine = CelEngine()
    assert isinstance(engine.check("vars.name == vars.name", TWINS), Checked)
    assert isinstance(engine.check("vars.limit > 3", TWINS), Checked)
    long = "vars." + "n" * 2000

    assert engine.recall("vars.other == vars.name", TWINS.names) is not None
    assert engine.recall("zz__0 > 4", TWINS.names) is None
    assert engine.recall(f"{long} == vars.name", {**TWINS.names, long: TWINS.names["vars.name"]}) is None
