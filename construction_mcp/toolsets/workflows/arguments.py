"""Arguments that several workflow tools take."""

from typing import Annotated

from pydantic import Field

WorkflowId = Annotated[
    str, Field(min_length=1, max_length=64), "Id of a workflow; it starts with wf_"
]
ExpectedVersion = Annotated[
    int | None, Field(ge=1), "draft_version you read; refused if it changed since"
]
IdempotencyKey = Annotated[
    str | None, Field(min_length=1, max_length=200), "Repeat the call with the same key to get the first result again"
]
