"""Upload and event ids: 26 characters that sort by time."""

from construction_mcp.simulator.world import World

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ulid(world: World) -> str:
    milliseconds = int(world.clock.now().timestamp() * 1000)
    number = milliseconds << 80 | world.entropy.getrandbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
