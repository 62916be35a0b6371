"""The shipped alert rules and Grafana board ask only for what `/metrics` tells, by names and labels that exist."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from construction_mcp.bootstrap import House
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.config import Settings
from construction_mcp.core.meters import COUNTERS, HISTOGRAMS
from construction_mcp.procore.limiter import Limiters
from construction_mcp.server.metrics import exposition, look
from tests.tidy.source import ROOT

FOLDER = ROOT / "examples" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
BOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
PROMETHEUS_OWN = {"up": frozenset[str]()}
ALWAYS = {"job", "instance", "le"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "time"}
# What issue and README promise to alert on, each with the words that make its rule that.
PROMISED = {
    "ConstructionMcpSlowStatements": ("warning", "construction_mcp_slow_statements_total"),
    "ConstructionMcpManyStatementsPerCall": ("warning", 'tool_call_statements_bucket{le="10.0"}'),
    "ConstructionMcpCacheMisses": ("warning", "< 0.8"),
    "ConstructionMcpProcoreQuotaLow": ("warning", "< 0.1"),
    "ConstructionMcpQueueOld": ("warning", "construction_mcp_queue_age_seconds > 60"),
    "ConstructionMcpQueueStuck": ("critical", "construction_mcp_queue_age_seconds > 600"),
    "ConstructionMcpErrors": ("warning", "> 0.01"),
    "ConstructionMcpManyErrors": ("critical", "> 0.05"),
    "ConstructionMcpSlowCalls": ("warning", "> 7"),
    "ConstructionMcpVerySlowCalls": ("critical", "> 10"),
    "ConstructionMcpMemoryGrows": ("warning", "> 10e6"),
    "ConstructionMcpRunsMissed": ("warning", "construction_mcp_schedule_runs_missed_total"),
    "ConstructionMcpNeedsReview": ("warning", 'executions{status="needs_review"} > 0'),
}


@dataclass(frozen=True)
class Selector:
    """A metric that a query reads, with the labels it asks for."""

    metric: str
    labels: frozenset[str]


def selectors(query: str) -> Iterator[Selector]:
    """What a PromQL expression reads: names that are no function and no word of the language."""
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", query)
    for found in re.finditer(r'([a-zA-Z_:][\w:]*)\s*(\{(?:[^}"]|"[^"]*")*\})?(\s*\()?', _without_texts(bare)):
        name, matchers, is_call = found.groups()
        if is_call or name in WORDS:
            continue
        yield Selector(name, frozenset(re.findall(r"(\w+)\s*[=!]~?", matchers or "")))


def _without_texts(query: str) -> str:
    return re.sub(r"\[[^\]]*\]|\d[\w.]*", "", re.sub(r'"[^"]*"', '""', query))


def groupings(query: str) -> set[str]:
    """The labels that a query groups by."""
    return {label.strip() for group in re.findall(r"\bby\s*\(([^)]*)\)", query) for label in group.split(",")}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[str]]:
    """Every sample name that `/metrics` can have, with its labels."""
    names = {
        match[1]: frozenset(re.findall(r'(\w+)="', match[2] or ""))
        for match in re.finditer(
            r"^(\w+)(\{.*\})? \S+$", asyncio.run(_text(tmp_path_factory.mktemp("told"))), re.MULTILINE
        )
    }
    counted = {one.name: frozenset(one.labels) for one in COUNTERS}
    timed = {one.name + suffix: frozenset(one.labels) for one in HISTOGRAMS for suffix in ("_bucket", "_count", "_sum")}
    return {**names, **counted, **timed, **PROMETHEUS_OWN}


async def _text(folder: Path) -> str:
    async with House(Settings(data_dir=folder)) as house:
        (await house.services.get(Limiters)).of("app")  # so that there are windows to tell of
        return exposition(await look(house))[0].decode()


def board_queries() -> list[str]:
    return [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *board_queries()])
def test_a_query_asks_for_what_is_told(told: Mapping[str, frozenset[str]], query: str) -> None:
    asked = list(selectors(query))

    assert asked
    assert {one.metric for one in asked} - told.keys() == set()
    assert [(one, label) for one in asked for label in one.labels - told[one.metric] - ALWAYS] == []
    assert groupings(query) - {label for one in asked for label in told[one.metric]} - ALWAYS == set()


def test_the_reader_of_queries_finds_names_and_labels() -> None:
    """Else the test above could not fail."""
    query = 'sum by (a, le) (rate(x_total{b=~"c|d", e!="f"}[5m])) / ignoring (g) y > 1e6 and time() - z > 3'

    assert list(selectors(query)) == [
        Selector("x_total", frozenset({"b", "e"})),
        Selector("y", frozenset()),
        Selector("z", frozenset()),
    ]
    assert groupings(query) == {"a", "le"}


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_promised_is_alerted_on(name: str) -> None:
    severity, words = PROMISED[name]
    (rule,) = [rule for rule in RULES if rule["alert"] == name]

    assert rule["labels"]["severity"] == severity
    assert words in rule["expr"]


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(names) == len(set(names))
    assert {rule["labels"]["severity"] for rule in RULES} == {"warning", "critical"}
    assert [rule["alert"] for rule in RULES if not rule["annotations"].keys() >= {"summary", "fix"}] == []


def test_a_bound_that_a_rule_asks_about_is_a_buckets(told: Mapping[str, frozenset[str]]) -> None:
    """`le` names a bucket as it is written; a bound in between would be read as no series at all."""
    asked = [pair for rule in RULES for pair in re.findall(r'(\w+)_bucket\{[^}]*le="([^"]+)"', rule["expr"])]
    bounds = {(one.name, str(float(bound))) for one in HISTOGRAMS for bound in one.bounds}
    calls = next(one for one in HISTOGRAMS if one.name == "mcp_server_operation_duration_seconds")

    assert asked
    assert set(asked) <= bounds
    assert {7, 10} <= set(calls.bounds)  # else the percentiles are guesses there


def test_the_codes_that_count_as_failures_exist() -> None:
    """Families are written out, since some of their codes are answers that a caller can act on."""
    patterns = {found for rule in RULES for found in re.findall(r'error_type=~"([^"]+)"', rule["expr"])}
    (pattern,) = patterns
    for part in re.findall(r"(\w+)_\(([^)]*)\)", pattern):
        for end in part[1].split("|"):
            assert any(re.fullmatch(f"{part[0]}_{end}", code) for code in CATALOGUE), f"{part[0]}_{end}"


def test_the_board_shows_everything_that_is_counted() -> None:
    shown = {one.metric for query in board_queries() for one in selectors(query)}
    names = {one.name for one in COUNTERS}
    names |= {one.name for one in HISTOGRAMS}

    assert [name for name in sorted(names) if not any(one.startswith(name) for one in shown)] == []


def test_the_boards_panels_have_their_own_place() -> None:
    taken: dict[tuple[int, int], int] = {}
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["id"]) == panel["id"]
                assert x < 24

    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_the_scrape_configuration_names_the_rules_and_no_secret() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]

    assert config["rule_files"] == ["alerts.yml"]
    assert (FOLDER / Path(config["rule_files"][0])).exists()
    assert set(job["authorization"]) == {"credentials_file"}
