"""The simulator's controls through `serve`: PRODUCT.md section 3, `/_sim` behind the bearer."""

from pathlib import Path

import httpx
import pytest

from tests.server.serving import serving

pytestmark = pytest.mark.anyio


async def test_the_ledger_is_an_admins_to_read(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "data") as served,
        httpx.AsyncClient(base_url=served.mcp.removesuffix("/mcp")) as http,
    ):
        asked = await http.get("/_sim/ledger", headers={"authorization": f"Bearer {served.token}"})
        without = await http.get("/_sim/ledger")

    assert (asked.status_code, asked.json()["entries"]) == (200, [])
    assert without.status_code == 401
