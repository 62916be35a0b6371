"""Workflows against a model that is nothing but dictionaries: any sequence of edits, right versions and wrong ones."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import Conflict, ConstructionError, Invalid, NotFound
from construction_mcp.store.database import Database
from construction_mcp.store.idempotency import Once
from construction_mcp.store.workflows import Draft, Workflow, Workflows
from tests.store.conftest import QUICK

KEYS = st.sampled_from(["a", "b", "c", "d"])
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
OFFSETS = st.sampled_from([None, 0, 0, -1, 1])  # of expected_version from the real one


class WorkflowsMachine(RuleBasedStateMachine):
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.database = self.runner.run(self.open())
        self.workflows = Workflows(self.database, self.clock)
        self.model: dict[str, dict] = {}
        self.once: dict[str, tuple[str, Workflow]] = {}

    async def open(self) -> Database:
        return await Database.open(Path(self.directory.name) / "construction.db", limits=QUICK)

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()
        self.directory.cleanup()

    def attempt(self, awaitable) -> Workflow | str:
        self.clock.advance(1)
        try:
            return self.runner.run(awaitable)
        except ConstructionError as error:
            return error.code

    def edited(self, workflow: Workflow, offset: int | None) -> tuple[dict | None, int | None, str | None]:
        """The model's row, the version to send, and the error that existence and version alone must cause."""
        row = self.model.get(workflow.id)
        if row is None:
            return None, None if offset is None else 1, NotFound("", code="WORKFLOW_NOT_FOUND").code
        expected = None if offset is None else row["version"] + offset
        return row, expected, Conflict.default_code if offset else None

    def check(self, result: Workflow | str, error: str | None, row: dict | None) -> None:
        if error is not None:
            assert result == error
            return
        assert isinstance(result, Workflow)
        row["version"] += 1
        row["at"] = self.clock.now()
        self.compare(result, row)

    @staticmethod
    def compare(workflow: Workflow, row: dict) -> None:
        assert workflow.name == row["name"]
        assert [entry.definition["key"] for entry in workflow.actions] == row["keys"]
        assert [entry.sequence for entry in workflow.actions] == sorted({entry.sequence for entry in workflow.actions})
        assert (workflow.draft_version, workflow.updated_at) == (row["version"], row["at"])

    @rule(target=made, name=NAMES, key=st.sampled_from(["", "k1", "k2"]))
    def create(self, name, key):
        once = Once.of("p", "create", key, name) if key else None
        result = self.attempt(self.workflows.create(Draft(name, "simulator", "p"), once=once))
        if key in self.once:
            earlier_name, earlier = self.once[key]
            assert result == (earlier if earlier_name == name else "IDEMPOTENCY_CONFLICT")
            return earlier
        assert isinstance(result, Workflow)
        self.model[result.id] = {"name": name, "keys": [], "version": 1, "at": self.clock.now()}
        if key:
            self.once[key] = (name, result)
        return result

    @rule(workflow=made, name=NAMES, offset=OFFSETS)
    def rename(self, workflow, name, offset):
        row, expected, error = self.edited(workflow, offset)
        result = self.attempt(self.workflows.update(workflow.id, {"name": name}, expected_version=expected))
        if error is None:
            row["name"] = name
        self.check(result, error, row)

    @rule(workflow=made, keys=st.lists(KEYS, min_size=1, max_size=3), offset=OFFSETS)
    def add(self, workflow, keys, offset):
        row, expected, error = self.edited(workflow, offset)
        actions = [{"key": key, "type": "t"} for key in keys]
        result = self.attempt(self.workflows.add_actions(workflow.id, actions, expected_version=expected))
        if error is None and len({*row["keys"], *keys}) < len(row["keys"]) + len(keys):
            error = Invalid.default_code
        if error is None:
            row["keys"] += keys
        self.check(result, error, row)

    @rule(workflow=made, key=KEYS, new=KEYS, offset=OFFSETS)
    def replace_action(self, workflow, key, new, offset):
        row, expected, error = self.edited(workflow, offset)
        action = {"key": new, "type": "t"}
        result = self.attempt(self.workflows.update_action(workflow.id, key, action, expected_version=expected))
        if error is None and key not in row["keys"]:
            error = "WORKFLOW_ACTION_NOT_FOUND"
        elif error is None and new != key and new in row["keys"]:
            error = Invalid.default_code
        if error is None:
            row["keys"] = [new if entry == key else entry for entry in row["keys"]]
        self.check(result, error, row)

    @rule(workflow=made, key=KEYS, offset=OFFSETS)
    def remove_action(self, workflow, key, offset):
        row, expected, error = self.edited(workflow, offset)
        result = self.attempt(self.workflows.remove_action(workflow.id, key, expected_version=expected))
        if error is None and key not in row["keys"]:
            error = "WORKFLOW_ACTION_NOT_FOUND"
        if error is None:
            row["keys"].remove(key)
        self.check(result, error, row)

    @rule(workflow=consumes(made), offset=OFFSETS)
    def delete(self, workflow, offset):
        _, expected, error = self.edited(workflow, offset)
        assert self.attempt(self.workflows.delete(workflow.id, expected_version=expected, principal="local:0")) == error
        if error is None:
            del self.model[workflow.id]

    @rule()
    def restart(self):
        self.runner.run(self.database.close())
        self.database = self.runner.run(self.open())
        self.workflows = Workflows(self.database, self.clock)

    @invariant()
    def everything_is_as_the_model_says(self):
        stored = self.runner.run(self.workflows.get(list(self.model)))
        assert [workflow.id for workflow in stored] == list(self.model)
        for workflow in stored:
            self.compare(workflow, self.model[workflow.id])
        listed = self.runner.run(self.workflows.list(limit=100))
        latest_first = sorted(self.model, key=lambda each: self.model[each]["at"], reverse=True)
        assert [item.id for item in listed.items] == latest_first
        assert listed.total == len(self.model)


TestWorkflowsModel = WorkflowsMachine.TestCase
TestWorkflowsModel.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
def test_the_model_holds_for_ten_thousand_steps():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        WorkflowsMachine, settings=settings(TestWorkflowsModel.settings, max_examples=200, stateful_step_count=50)
    )
