import re

import pytest

from assets.contracts.community import USERS
from assets.contracts.registry import all_contracts
from assets.dbt.changes import DBT_PROJECT
from assets.dbt.sources import StaleSources, check_sources, render_sources, write_sources


def test_check_sources_finds_the_committed_file_true_of_the_contracts():
    check_sources()


def test_check_sources_names_the_command_when_stale(tmp_path):
    path = tmp_path / "sources.yml"
    path.write_text(render_sources([USERS]))
    with pytest.raises(StaleSources, match=r"sources\.yml is not what .* run `python -m assets\.dbt\.sources`"):
        check_sources(path)


def test_write_sources_makes_it_true(tmp_path):
    write_sources(tmp_path / "sources.yml")
    check_sources(tmp_path / "sources.yml")


def test_every_contract_has_exactly_one_staging_view():
    read = [
        source
        for path in (DBT_PROJECT / "models").rglob("*.sql")
        for source in re.findall(r"source\('lake', '(\w+)'\)", path.read_text())
    ]
    assert sorted(read) == list(all_contracts())


def test_only_staging_reads_the_lake():
    readers = {p.parent.name for p in (DBT_PROJECT / "models").rglob("*.sql") if "source(" in p.read_text()}
    assert readers == {"staging"}
