"""Uploads in three steps, and downloads by way of another host (FACTS 9.1, 9.2)."""

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.wire import InProcessTransport
from tests.simulator.conftest import first_project

pytestmark = pytest.mark.anyio
DAY = 86400


@pytest.fixture
async def storage(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """Another host, hence no bearer."""
    async with httpx.AsyncClient(transport=InProcessTransport(sim)) as client:
        yield client


def uploads(sim: Simulator) -> str:
    return f"/rest/v1.1/projects/{first_project(sim.world)}/uploads"


async def attach(sim: Simulator, http: httpx.AsyncClient, uuid: str) -> httpx.Response:
    query = {"project_id": first_project(sim.world)}
    return await http.post("/rest/v1.0/files", params=query, json={"file": {"name": "a.txt", "upload_uuid": uuid}})


async def test_announce_send_attach_and_download(
    sim: Simulator, http: httpx.AsyncClient, storage: httpx.AsyncClient
) -> None:
    made = (await http.post(uploads(sim), json={"response_filename": "a.txt"})).json()
    sent = await storage.post(made["url"], data=made["fields"], files={"file": ("a.txt", b"hello")})
    file = await attach(sim, http, made["uuid"])
    moved = await http.get(file.json()["file_versions"][0]["url"])
    content = await storage.get(moved.headers["location"])

    assert len(made["uuid"]) == 26
    assert sent.status_code == 204
    assert file.json()["size"] == 5
    assert moved.status_code == 302
    assert httpx.URL(moved.headers["location"]).host != httpx.URL(sim.world.api_url).host
    assert content.content == b"hello"


async def test_a_bearer_makes_storage_fail(sim: Simulator, http: httpx.AsyncClient) -> None:
    made = (await http.post(uploads(sim), json={"response_filename": "a.txt"})).json()
    answer = await http.post(made["url"], data=made["fields"], files={"file": ("a.txt", b"hello")})

    assert answer.status_code == 400


async def test_segments_are_checked_and_completed_by_their_etags(
    sim: Simulator, http: httpx.AsyncClient, storage: httpx.AsyncClient
) -> None:
    parts = [b"one", b"two"]
    segments = [{"size": len(part), "sha256": hashlib.sha256(part).hexdigest()} for part in parts]
    made = (await http.post(uploads(sim), json={"response_filename": "a.txt", "segments": segments})).json()
    wrong = await storage.put(made["segments"][0]["url"], content=b"ONE")
    early = await attach(sim, http, made["uuid"])
    etags = []
    for segment, part in zip(made["segments"], parts, strict=True):
        etags.append((await storage.put(segment["url"], content=part)).headers["etag"])
    done = await http.patch(f"{uploads(sim)}/{made['uuid']}", json={"segments": [{"etag": each} for each in etags]})

    assert made["status"] == "ready"
    assert (wrong.status_code, early.status_code) == (400, 422)
    assert done.json()["status"] == "complete"
    assert (await attach(sim, http, made["uuid"])).json()["size"] == 6


@pytest.mark.parametrize(("wait_s", "status"), [(3600, 204), (3601, 403)])
async def test_sending_must_start_within_an_hour(
    sim: Simulator, http: httpx.AsyncClient, storage: httpx.AsyncClient, wait_s: int, status: int
) -> None:
    made = (await http.post(uploads(sim), json={"response_filename": "a.txt"})).json()
    sim.world.advance(wait_s)
    answer = await storage.post(made["url"], data=made["fields"], files={"file": ("a.txt", b"hello")})

    assert answer.status_code == status


async def test_an_upload_is_gone_after_a_week(
    sim: Simulator, http: httpx.AsyncClient, storage: httpx.AsyncClient
) -> None:
    made = (await http.post(uploads(sim), json={"response_filename": "a.txt"})).json()
    await storage.post(made["url"], data=made["fields"], files={"file": ("a.txt", b"hello")})
    sim.world.advance(7 * DAY + 1)
    app = sim.world.app
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    token = (await http.post("/oauth/token", data=form)).json()["access_token"]  # the first one is long gone
    http.headers["Authorization"] = f"Bearer {token}"
    answer = await attach(sim, http, made["uuid"])

    assert answer.status_code == 422


async def test_a_name_that_is_taken_is_a_conflict_with_the_file(sim: Simulator, http: httpx.AsyncClient) -> None:
    query = {"project_id": first_project(sim.world)}
    body = {"file": {"name": "same.txt", "data": "x"}}
    first = await http.post("/rest/v1.0/files", params=query, json=body)
    second = await http.post("/rest/v1.0/files", params=query, json=body)

    assert first.status_code == 201
    assert second.status_code == 409
    assert second.json()["file"]["id"] == first.json()["id"]
