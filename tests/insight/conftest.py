from collections.abc import Sequence

import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.config import Limits
from construction_mcp.deployment.checks import Checks
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.insight.goal import Site
from construction_mcp.insight.matching import TemplateSearch
from construction_mcp.workflow.template import Templates

SITES = (
    Site(1001, "Harbor Point Medical Office Building", "24-017", "America/Chicago"),
    Site(1002, "Riverside Elementary Modernization", "24-031", "America/Los_Angeles"),
    Site(1003, "Mill Street Lofts", "25-004", "America/Denver"),
    Site(1004, "Northgate Distribution Center", "23-052", "America/New_York", is_active=False),
)


@pytest.fixture(scope="session")
def sites() -> Sequence[Site]:
    return SITES


@pytest.fixture(scope="session")
def types() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="session")
def templates() -> Templates:
    return Templates(Limits())


@pytest.fixture(scope="session")
def search(templates: Templates) -> TemplateSearch:
    return TemplateSearch(templates.all())


@pytest.fixture(scope="session")
def checks(types: Catalogue) -> Checks:
    return Checks(types, CelEngine(Limits()), Limits(), "simulator", 1)
