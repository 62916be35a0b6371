"""What a path says about company, project and kind of record."""

import pytest

from construction_mcp.core.errors import Invalid
from construction_mcp.procore.paths import encoded, kind_of, query_pairs, tags_of, tags_written


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/rest/v1.0/projects/7/rfis", "rfis"),
        ("/rest/v1.0/projects/7/rfis/42/replies", "rfis"),
        ("/rest/v2.0/companies/1/projects/7/submittals", "submittals"),
        ("/rest/v1.0/submittal_approvers/5", "submittals"),
        ("/rest/v1.0/projects/7/submittal_logs/5/close_and_distribute", "submittals"),
        ("/rest/v1.0/projects/7/manpower_logs", "daily_logs"),
        ("/rest/v1.1/projects/7/daily_logs/counts", "daily_logs"),
        ("/rest/v1.0/projects/7/daily_log_headers", "daily_logs"),
        ("/rest/v1.1/punch_items", "punch_items"),
        ("/rest/v1.0/observations/items", "observations"),
        ("/rest/v1.0/folders/3", "documents"),
        ("/rest/v1.3/companies/1/users", "users"),
        ("/rest/v1.0/projects/7", "projects"),
        ("/rest/v1.1/projects", "projects"),
        ("/rest/v1.0/companies", "companies"),
        ("/rest/v1.0/me", "me"),
    ],
)
def test_a_path_names_its_kind_of_record(path, kind):
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "query", "body", "tags"),
    [
        ("/rest/v1.0/projects/7/rfis", {}, None, {"project:7", "project:7:rfis"}),
        ("/rest/v1.1/punch_items", {"project_id": "7"}, None, {"project:7", "project:7:punch_items"}),
        ("/rest/v1.1/punch_items", {}, {"project_id": 7}, {"project:7", "project:7:punch_items"}),
        ("/rest/v1.0/projects/7", {"company_id": 1}, None, {"project:7", "company:1:projects"}),
        ("/rest/v1.1/projects", {"company_id": 1}, None, {"company:1:projects"}),
        ("/rest/v1.3/companies/1/users", {}, None, {"company:1:users"}),
    ],
)
def test_a_request_is_tagged_by_where_its_record_lives(path, query, body, tags):
    assert tags_of(path, query, 1, body) == tags
    assert tags_written(path, query, 1, body) == {tag for tag in tags if tag != "project:7"}


def test_a_query_is_written_the_way_rails_reads_it():
    pairs = query_pairs({"filters": {"status": ["open", "x&y"], "by": None}, "flag": True, "n": 7, "none": []})

    assert encoded(pairs) == "filters[status][]=open&filters[status][]=x%26y&flag=true&n=7"


def test_a_query_larger_than_any_request_needs_is_refused():
    with pytest.raises(Invalid) as caught:
        query_pairs({"ids": list(range(201))})

    assert caught.value.code == "VALIDATION_TOO_LARGE"
