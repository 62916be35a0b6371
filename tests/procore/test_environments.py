"""Where each environment lives, and what the client may therefore reach."""

from dataclasses import replace
from pathlib import Path

import pytest

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid
from construction_mcp.procore.environments import endpoints_of, environment_of

BASE = Settings(data_dir=Path("unused"))


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("sandbox", {"sandbox.procore.com", "login-sandbox.procore.com"}),
        ("monthly", {"api-monthly.procore.com", "login-sandbox-monthly.procore.com"}),
        ("production", {"api.procore.com", "login.procore.com"}),
        ("federal", {"api.procoregov.com", "login.procoregov.com"}),
    ],
)
def test_an_environment_reaches_its_two_hosts_and_they_are_public(name, hosts):
    endpoints = endpoints_of(environment_of(replace(BASE, environment=name)))

    assert {endpoint.host for endpoint in endpoints} == hosts
    assert all(endpoint.port == 443 and not endpoint.private for endpoint in endpoints)


def test_an_operators_address_replaces_the_host_and_may_be_on_this_machine():
    settings = replace(BASE, procore_api_url="http://127.0.0.1:8766/", procore_login_url="http://127.0.0.1:8766")
    environment = environment_of(settings)

    assert (environment.api, environment.login) == ("http://127.0.0.1:8766", "http://127.0.0.1:8766")
    assert {(endpoint.host, endpoint.port) for endpoint in endpoints_of(environment)} == {("127.0.0.1", 8766)}
    assert all(endpoint.private for endpoint in endpoints_of(environment))


@pytest.mark.parametrize(
    "url", ["http://procore.example.com", "ftp://x", "not a url", "https://", "http://127.0.0.1:x"]
)
def test_an_address_that_would_carry_tokens_in_the_clear_is_refused(url):
    with pytest.raises(Invalid):
        environment_of(replace(BASE, environment="sandbox", procore_api_url=url))


def test_the_built_in_simulator_has_a_name_nobody_can_resolve():
    assert environment_of(BASE).api == "http://simulator.invalid"
