"""A process to be killed: it refreshes a token, has Procore's answer in hand, and never gets to store it.

    python -m tests.procore.dying DATA_DIR

Says `connected`, then `refreshed` when the new pair has arrived; whoever started it kills it then.
"""

import asyncio
import sys
from pathlib import Path

import httpx

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.net.outbound import Outbound
from construction_mcp.procore.access import Procore
from construction_mcp.procore.sign_in import SignIn
from construction_mcp.simulator.app import Simulator
from tests.procore.signing import copied_code, person_of_one_company

ANA = Principal("user:ana", Role.ADMIN, "Ana")
TOKEN_LIFE_S = 5400


class Halting(Outbound):
    """Passes answers on until the one that carries the renewed pair."""

    is_armed = False

    async def send(self, method, url, **options):
        reply = await super().send(method, url, **options)
        if self.is_armed and url.endswith("/oauth/token"):
            print("refreshed", flush=True)
            await asyncio.Event().wait()
        return reply


async def main(data_dir: Path) -> None:
    clock = ManualClock()
    async with House(Settings(data_dir=data_dir), clock=clock) as house:
        simulator = await house.services.get(Simulator)
        halting = Halting(httpx.ASGITransport(app=simulator), house.settings.limits)
        house.services.ready[Outbound] = halting
        sign_in = await house.services.get(SignIn)
        code = await copied_code(simulator, sign_in.link(ANA, None), person_of_one_company(simulator))
        await sign_in.finish_with_code(ANA, code)
        print("connected", flush=True)
        clock.advance(TOKEN_LIFE_S + 1)
        halting.is_armed = True
        procore = await house.services.for_caller(Procore, ANA)
        await procore.get("/rest/v1.0/me")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
