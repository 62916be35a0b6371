"""Arguments that several workflow tools take."""

from typing import Annotated

from pydantic import Field

WorkflowId = Annotated[str, Field(min_length=1, max_length=64), "Id from list_workflows or create_workflow"]
ExpectedVersion = Annotated[int | None, Field(ge=1), "draft_version you read"]
IdempotencyKey = Annotated[str | None, Field(min_length=1, max_length=200), "Same key: the first result again"]
