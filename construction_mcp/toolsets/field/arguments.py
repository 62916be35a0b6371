"""The arguments that the lists of this toolset share."""

from datetime import date
from typing import Annotated

from pydantic import Field

OneId = Annotated[int | None, Field(ge=1), "One id, not its number"]
Text = Annotated[str | None, Field(min_length=1, max_length=100), "Only those with these words"]
Who = Annotated[str | None, Field(min_length=1, max_length=100), "Only where this person must act: me or a name"]
UpdatedSince = Annotated[date | None, "Only changed on or after this day"]
NewName = Annotated[str, Field(min_length=3, max_length=255), "One line naming the defect and the place"]
NewText = Annotated[str | None, Field(min_length=1, max_length=10_000), "What is wrong and what done looks like"]
NewDue = Annotated[date | None, "Day it must be done"]
NewPlace = Annotated[str | None, Field(min_length=1, max_length=200), "Location by name or id"]
