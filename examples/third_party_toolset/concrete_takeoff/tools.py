"""The tool: what stands before the `*` the model sends, what stands after it the house injects."""

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from construction_mcp.core.toolset import tool

TRUCK_M3 = 8.0  # what a common mixer truck carries
Metres = Annotated[float, Field(gt=0, le=1000)]


@dataclass(frozen=True, slots=True)
class Takeoff:
    """What to order."""

    volume_m3: float
    order_m3: float
    trucks: int


@tool(effect="read", listed=True)
async def estimate_concrete_volume(
    length_m: Annotated[Metres, "Length in metres"],
    width_m: Annotated[Metres, "Width in metres"],
    thickness_m: Annotated[Metres, "Thickness in metres"],
    waste_percent: Annotated[float, Field(ge=0, le=50), "Added for spillage and uneven ground"] = 5.0,
) -> Takeoff:
    """Estimate the concrete for a rectangular pour: volume, volume to order with waste, and mixer trucks of 8 m3.

    It calculates only; nothing is ordered.
    """
    volume = length_m * width_m * thickness_m
    order = volume * (1 + waste_percent / 100)
    return Takeoff(round(volume, 2), round(order, 2), math.ceil(order / TRUCK_M3))
