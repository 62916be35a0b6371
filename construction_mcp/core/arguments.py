"""Arguments that many tools share: one spelling for a model to learn, one place for their bounds."""

from typing import Annotated

from pydantic import Field

ProjectId = Annotated[int, Field(ge=1), "Procore project id"]
Ids = Annotated[list[int] | None, Field(min_length=1, max_length=50), "Or several ids, 1 to 50"]
Limit = Annotated[int, Field(ge=1, le=100), "Most items"]  # with 25 as its default
Cursor = Annotated[str | None, Field(max_length=1000), "next_cursor of last page"]
