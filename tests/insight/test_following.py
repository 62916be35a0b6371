from typing import Any

from construction_mcp.insight.following import following


def node(key: str, effect: str, *after: str, guarded_by: tuple[str, ...] = (), **config: Any) -> dict[str, Any]:
    return {
        "key": key,
        "type": f"a.{key}",
        "effect": effect,
        "config": config,
        "after": list(after),
        "guarded_by": list(guarded_by),
    }


def test_what_reaches_outside_behind_an_approval_is_told_in_order_with_its_settings():
    plan = {
        "nodes": [
            node("before", "write"),
            node("agree", "wait", "before"),
            node("compute", "pure", "agree"),
            node("reply", "write", guarded_by=("agree",), body="{{ x }}", ids=[1, 2], nothing=None),
            node("tell", "notify", "compute", to="a@b.example"),
            node("beside", "notify"),
        ]
    }
    found = following(plan, "agree")

    assert [(one.key, one.effect) for one in found] == [("reply", "write"), ("tell", "notify")]
    assert found[0].settings == {"body": "{{ x }}", "ids": "[1,2]"}


def test_a_long_setting_is_cut():
    plan = {"nodes": [node("agree", "wait"), node("reply", "write", "agree", body="x" * 5000)]}

    assert len(following(plan, "agree")[0].settings["body"]) == 300
