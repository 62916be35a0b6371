"""`bench`: budgets judged as they are written, broken ones told by the exit code, what cannot be measured said so."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from construction_mcp.cli import bench, main
from construction_mcp.cli.bench import clone, cold, report
from construction_mcp.cli.bench.effort import Effort
from construction_mcp.cli.bench.row import Budget, Row
from construction_mcp.core.errors import Unavailable

MACHINE = {"cpu": "a", "cores": 2, "system": "b", "python": "3", "sqlite": "3", "load_average": None,
           "bare_sdk_start_s": 1.6, "slowness": 2.0}  # fmt: skip


def row(measured: float | None, budget: Budget | None, baseline: float | None = None) -> Row:
    return Row("cold", "a thing", measured, "ms", budget, "bare", baseline)


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (row(5.0, Budget(5.0)), True),
        (row(5.1, Budget(5.0)), False),
        (row(3000.0, Budget(3000.0, ">=")), True),
        (row(2999.0, Budget(3000.0, ">=")), False),
        (row(0.0, Budget(3000.0, ">=")), False),
        (row(7.0, Budget(0.7, of="ratio"), 10.0), True),
        (row(7.1, Budget(0.7, of="ratio"), 10.0), False),
        (row(19.0, Budget(2.0, ">=", of="ratio"), 10.0), False),
        (row(0.0, Budget(0)), True),
        (row(1.0, Budget(0)), False),
        (row(None, Budget(5.0)), None),
        (row(5.0, Budget(0.7, of="ratio")), None),
        (row(5.0, None), None),
    ],
)
def test_a_budget_is_held_exactly_up_to_its_bound(given, held):
    assert given.held() is held


def test_only_times_and_rates_of_a_slow_machine_are_scaled():
    assert row(9.0, Budget(5.0, scales=True)).held(2.0) is True
    assert row(1600.0, Budget(3000.0, ">=", scales=True)).held(2.0) is True
    assert row(12.0, Budget(11)).held(2.0) is False
    assert row(9.0, Budget(0.7, of="ratio"), 10.0).held(2.0) is False


@pytest.fixture
def measured(monkeypatch):
    """Sets what the one measure `cold` finds; the calibration takes no time."""
    monkeypatch.setattr(cold, "bare_start_s", lambda _: 1.6)

    def set_to(rows):
        monkeypatch.setattr(bench, "_measures", lambda: {"cold": rows if callable(rows) else lambda _: rows})

    return set_to


def test_check_fails_on_a_broken_budget_only(measured, capsys):
    measured([row(9.0, Budget(5.0, scales=True))])

    assert main(["bench", "--only", "cold"]) == 0
    assert main(["bench", "--only", "cold", "--check"]) == 1
    assert "a thing" in capsys.readouterr().out.partition("Broken or failed: 1")[2]
    assert main(["bench", "--only", "cold", "--check", "--scaled"]) == 0
    assert "2.00 x as long" in capsys.readouterr().out


def test_a_measure_that_fails_is_told_and_breaks_the_check(measured, capsys):
    def fail(_: Effort) -> list[Row]:
        raise Unavailable("A measured server ended.")

    measured(fail)

    assert main(["bench", "--only", "cold", "--check"]) == 1
    assert "A measured server ended." in capsys.readouterr().out


def test_a_run_is_kept_with_the_machine_it_ran_on(measured, tmp_path, capsys):
    measured([row(9.0, Budget(5.0)), row(2.0, Budget(0.7, of="ratio"), 10.0)])

    main(["bench", "--only", "cold", "--save", str(tmp_path), "--json"])

    (kept,) = tmp_path.glob("*.json")
    found = json.loads(kept.read_text())
    assert found == json.loads(capsys.readouterr().out)
    assert [one["held"] for one in found["rows"]] == [False, True]
    assert {"cpu", "cores", "python", "sqlite", "bare_sdk_start_s"} <= set(found["machine"])
    assert "| a thing | 9 ms | <= 5 ms | - | - | NO |" in kept.with_suffix(".md").read_text()


def test_the_plot_shows_how_much_of_each_budget_is_used():
    rows = [row(2.5, Budget(5.0)), row(50.0, Budget(5.0)), row(1.0, None)]

    drawn = ET.fromstring(report.plot(rows, 1.0))  # noqa: S314 - our own picture

    bars = list(drawn.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    assert [one.get("fill") for one in bars] == ["#2e7d32", "#c62828"]
    assert float(bars[1].get("width")) == 4 * float(bars[0].get("width"))


def test_without_a_clone_the_inner_measures_say_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cold, "bare_start_s", lambda _: 0.8)
    monkeypatch.setattr(clone, "SCRIPTS", tmp_path / "gone")

    assert main(["bench", "--only", "engine,event", "--check"]) == 0
    assert capsys.readouterr().out.count(clone.NEEDS_CLONE) == 2


def test_every_measure_has_a_name_that_only_takes():
    assert set(bench._measures()) == set(bench.MEASURES)


def test_an_unknown_measure_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--only", "speed"])

    assert "none of cold, warm" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["commits", *(pytest.param(one, marks=pytest.mark.slow) for one in bench.MEASURES if one != "commits")]
)
def test_a_measure_measures_every_line(name, tmp_path: Path):
    rows = bench._measures()[name](Effort(tmp_path, quick=True))

    assert rows
    assert [one.note for one in rows if one.measured is None] == []
    assert all(one.measured >= 0 for one in rows if one.budget is not None)
