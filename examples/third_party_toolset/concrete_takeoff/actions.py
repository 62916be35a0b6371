"""The action type: a config, what it gives, and a sentence. Found by its entry point, like the toolset."""

from collections.abc import Mapping
from math import ceil
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.actions.action import ActionType, Config, Setting
from construction_mcp.actions.performing import Context, Output

MIXER_M3 = 8.0  # what one truck brings

Metres = Annotated[float, Field(gt=0, le=1000)]


class EstimateConfig(Config):
    """A rectangular pour."""

    length_m: Annotated[Metres, Field(description="Length in metres")]
    width_m: Annotated[Metres, Field(description="Width in metres")]
    thickness_m: Annotated[Metres, Field(description="Thickness in metres")]
    waste_percent: Annotated[float, Field(ge=0, le=50, description="Added for spillage and uneven ground")] = 5.0


def _words(written: Mapping[str, Any], _setting: Setting) -> str:
    return f"work out the concrete for {written.get('length_m')} m by {written.get('width_m')} m"


async def _estimate(config: EstimateConfig, _context: Context) -> Output:
    volume = config.length_m * config.width_m * config.thickness_m
    order = volume * (1 + config.waste_percent / 100)
    return {"volume_m3": round(volume, 2), "order_m3": round(order, 2), "trucks": ceil(order / MIXER_M3)}


TYPES = (
    ActionType(
        name="concrete.estimate",
        config=EstimateConfig,
        effect="pure",
        doc="Work out the concrete for a rectangular pour: volume, volume to order with waste, and mixer trucks.",
        output={
            "type": "object",
            "properties": {
                "volume_m3": {"type": "number"},
                "order_m3": {"type": "number"},
                "trucks": {"type": "integer"},
            },
            "required": ["volume_m3", "order_m3", "trucks"],
            "additionalProperties": False,
        },
        words=_words,
        perform=_estimate,
    ),
)
