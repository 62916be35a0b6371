"""connect and disconnect as a person types them, on a directory of their own and on one that is in use."""

import asyncio

import pytest

from construction_mcp.procore.sign_in import CALLBACK_PATH
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.world import World
from tests.procore.signing import copied_code
from tests.stdio_process import StdioProcess


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


def code_for(data_dir, url):
    """Sign in at the simulator whose state is in the directory, while nobody else has it open."""

    async def sign_in():
        world = World(state_file=data_dir / "simulator.db")
        try:
            return await copied_code(Simulator(world), url)
        finally:
            world.commit()
            world.close()

    return asyncio.run(sign_in())


def test_the_service_account_of_the_sample_is_verified(cli, data_dir):
    ran = cli("connect", "--data-dir", data_dir)

    assert ran.code == 0
    assert "The service account works: Automation Service; 4 projects are visible." in ran.out


def test_without_an_app_it_explains_portal_redirects_and_settings(cli, data_dir):
    ran = cli("connect", "--data-dir", data_dir, "--environment", "sandbox")

    assert ran.code == 1
    assert "developers.procore.com" in ran.out
    assert f"http://127.0.0.1:8765{CALLBACK_PATH}" in ran.out
    assert "urn:ietf:wg:oauth:2.0:oob" in ran.out
    assert "PROCORE_CLIENT_ID" in ran.out


def test_the_redirect_to_register_follows_the_public_address(cli, data_dir, monkeypatch):
    monkeypatch.setenv("CONSTRUCTION_MCP_PUBLIC_URL", "https://mcp.builder.example/")
    ran = cli("connect", "--data-dir", data_dir, "--environment", "sandbox", "--json")

    assert ran.data["redirect_uris"][0] == "https://mcp.builder.example/oauth/callback"


@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials"])
def test_the_request_tells_an_admin_everything_but_the_secret(cli, data_dir, monkeypatch, grant):
    monkeypatch.setenv("PROCORE_CLIENT_ID", "client-1234")
    monkeypatch.setenv("PROCORE_CLIENT_SECRET", "the-secret-5678")
    monkeypatch.setenv("PROCORE_GRANT", grant)
    monkeypatch.setenv("PROCORE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PROCORE_LOGIN_URL", "http://127.0.0.1:9")
    ran = cli("connect", "--request", "--data-dir", data_dir, "--environment", "sandbox")

    assert "Install Custom App" in ran.out
    assert "client-1234" in ran.out
    assert "Daily Log" in ran.out
    assert ("permitted projects" in ran.out) == (grant == "client_credentials")
    assert "the-secret-5678" not in ran.out + ran.err


def test_a_copied_code_connects_and_disconnect_forgets(cli, data_dir, monkeypatch):
    """The code may be typed into another process than the one that gave the link."""
    monkeypatch.setenv("PROCORE_GRANT", "authorization_code")
    begun = cli("connect", "--data-dir", data_dir, "--json")
    done = cli("connect", "--data-dir", data_dir, "--code", code_for(data_dir, begun.data["url"]))
    looked = cli("connect", "--data-dir", data_dir, "--json")
    asked = cli("disconnect", "--data-dir", data_dir, "--json")
    ended = cli("disconnect", "--data-dir", data_dir, "--yes", "--json")
    after = cli("disconnect", "--data-dir", data_dir, "--yes")

    assert (done.code, "Connected as" in done.out) == (0, True)
    assert looked.data["status"] == "connected"
    assert (asked.code, asked.data["status"]) == (1, "needs_confirmation")
    assert (ended.code, ended.data["revoked"]) == (0, True)
    assert (after.code, "PROCORE_NOT_CONNECTED" in after.err) == (1, True)


def test_the_default_company_is_changed(cli, data_dir, monkeypatch):
    monkeypatch.setenv("PROCORE_GRANT", "authorization_code")
    begun = cli("connect", "--data-dir", data_dir, "--json")
    cli("connect", "--data-dir", data_dir, "--code", code_for(data_dir, begun.data["url"]))
    companies = cli("connect", "--data-dir", data_dir, "--json").data["companies"]
    other = next(company["id"] for company in companies if not company["is_default"])
    chosen = cli("connect", "--data-dir", data_dir, "--company", other, "--json").data["companies"]

    assert [company["id"] for company in chosen if company["is_default"]] == [other]


def test_a_wrong_code_is_explained(cli, data_dir, monkeypatch):
    monkeypatch.setenv("PROCORE_GRANT", "authorization_code")
    ran = cli("connect", "--data-dir", data_dir, "--code", "nonsense")

    assert (ran.code, "AUTH_RECONNECT" in ran.err) == (1, True)


def test_a_rotated_key_still_opens_the_connection(cli, data_dir, monkeypatch):
    monkeypatch.setenv("PROCORE_GRANT", "authorization_code")
    begun = cli("connect", "--data-dir", data_dir, "--json")
    cli("connect", "--data-dir", data_dir, "--code", code_for(data_dir, begun.data["url"]))
    rotated = cli("keys", "rotate", "--data-dir", data_dir, "--json")
    looked = cli("connect", "--data-dir", data_dir, "--json")

    assert rotated.data["resealed"] == 2
    assert looked.data["status"] == "connected"


def test_an_owned_directory_is_asked_through_its_owner(cli, tmp_path, data_dir):
    with StdioProcess(data_dir) as owner:
        owner.open()
        ran = cli("connect", "--data-dir", data_dir, "--json")
        owner.close_input()
        owner.wait()

    assert ran.data["status"] == "service_account"
