"""Photos, which the API calls images. Performed by `procore/records/photos.py`."""

from datetime import date
from typing import Annotated

from pydantic import Field

from construction_mcp.actions.procore.kinds import Kind, ListConfig, OneConfig, RecordId, Text
from construction_mcp.procore.records.photos import Photo


class PhotoList(ListConfig):
    """Which photos."""

    text: Text = None
    uploaded_from: Annotated[date | None, Field(description="Only uploaded on or after this day")] = None
    uploaded_to: Annotated[date | None, Field(description="Only uploaded on or before this day")] = None
    starred: Annotated[bool | None, Field(description="Only starred ones, or only others")] = None


class PhotoGet(OneConfig):
    """Which photo."""

    photo_id: Annotated[RecordId, Field(description="Photo id")]


_PHOTOS = Kind("procore.photo", "a photo", "photos", "Photos", Photo, "list_procore_photos", "get_procore_photo")

TYPES = (
    _PHOTOS.list(PhotoList, "List photos, latest upload first, with album, place and who uploaded them."),
    _PHOTOS.get(PhotoGet, "Read one photo with the address of its picture, which asks for a Procore login."),
)
