import json
import socket
from typing import Any

import pytest
from dagster_client import Backfill, DagsterClient, DagsterRefused, DagsterUnreachable, Job, Run

JOB = Job("nightly_increment")


def _error(name: str, message: str, *causes: tuple[str, str]) -> dict[str, Any]:
    chain = [{"className": cause, "message": text} for cause, text in causes]
    return {"className": name, "message": message, "causes": chain}


def test_partition_keys_asks_with_the_exact_names_of_the_job(webserver: Any) -> None:
    webserver.will_answer(
        {"pipelineOrError": {"__typename": "Pipeline", "partitionKeysOrError": {"partitionKeys": ["2016-02"]}}}
    )

    assert DagsterClient(webserver.url).partition_keys(JOB) == ["2016-02"]
    assert webserver.asked[0]["variables"] == {
        "job": {
            "pipelineName": "nightly_increment",
            "repositoryName": "__repository__",
            "repositoryLocationName": "beautyflow",
        }
    }


def test_partition_keys_of_an_unknown_job_is_refused_with_the_message_of_dagster(webserver: Any) -> None:
    webserver.will_answer(
        {"pipelineOrError": {"__typename": "PipelineNotFoundError", "message": "Could not find Pipeline x"}}
    )

    with pytest.raises(DagsterRefused, match=r"^PipelineNotFoundError: Could not find Pipeline x$"):
        DagsterClient(webserver.url).partition_keys(JOB)


def test_launch_run_sends_the_tags_and_an_empty_run_config(webserver: Any) -> None:
    webserver.will_answer({"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}})

    assert DagsterClient(webserver.url).launch_run(JOB, {"dagster/partition": "2016-03"}) == "r1"
    params = webserver.asked[0]["variables"]["params"]
    assert params["runConfigData"] == {}
    assert params["executionMetadata"] == {"tags": [{"key": "dagster/partition", "value": "2016-03"}]}
    assert params["selector"]["jobName"] == "nightly_increment"


def test_launch_run_refused_for_its_config_tells_every_error(webserver: Any) -> None:
    errors = [{"message": "Missing required config entry 'a'"}, {"message": "unexpected 'b'"}]
    webserver.will_answer({"launchRun": {"__typename": "RunConfigValidationInvalid", "errors": errors}})

    with pytest.raises(DagsterRefused, match=r"RunConfigValidationInvalid: Missing required .* 'a'; unexpected 'b'"):
        DagsterClient(webserver.url).launch_run(JOB, {})


def test_changed_months_are_those_that_the_landing_run_reported(webserver: Any) -> None:
    entries = [
        {"__typename": "JsonMetadataEntry", "label": "changed_months", "jsonString": '["2016-02", "2016-01"]'},
        {"__typename": "IntMetadataEntry", "label": "dagster/row_count"},
    ]
    run = {"__typename": "Run", "assetMaterializations": [{"metadataEntries": entries}]}
    webserver.will_answer({"runOrError": run})

    assert DagsterClient(webserver.url).changed_months("r1") == ["2016-01", "2016-02"]
    assert webserver.asked[0]["variables"] == {"runId": "r1"}


def test_changed_months_of_a_run_that_is_gone_are_refused(webserver: Any) -> None:
    webserver.will_answer({"runOrError": {"__typename": "RunNotFoundError", "message": "Run r1 could not be found"}})

    with pytest.raises(DagsterRefused, match="Run r1 could not be found"):
        DagsterClient(webserver.url).changed_months("r1")


def test_latest_run_is_none_when_no_run_carries_the_tags(webserver: Any) -> None:
    webserver.will_answer({"runsOrError": {"__typename": "Runs", "results": []}})

    assert DagsterClient(webserver.url).latest_run(JOB, {"airflow/task": "a/b/c/-1"}) is None
    wanted = {"pipelineName": "nightly_increment", "tags": [{"key": "airflow/task", "value": "a/b/c/-1"}]}
    assert webserver.asked[0]["variables"] == {"filter": wanted}


def test_run_reads_status_and_tags(webserver: Any) -> None:
    tags = [{"key": "dagster/partition", "value": "2016-03"}]
    webserver.will_answer({"runOrError": {"__typename": "Run", "runId": "r1", "status": "STARTED", "tags": tags}})

    assert DagsterClient(webserver.url).run("r1") == Run("r1", "STARTED", {"dagster/partition": "2016-03"})


def test_failures_reads_every_page_and_tells_the_innermost_cause_of_each_step(webserver: Any) -> None:
    wrapped = _error("DagsterExecutionStepExecutionError", "Error occurred", ("ValueError", "ValueError: no photo\n"))
    step = {"__typename": "ExecutionStepFailureEvent", "stepKey": "scores", "error": wrapped}
    run = {"__typename": "RunFailureEvent", "message": "Steps failed: ['scores'].", "error": None}
    other = {"__typename": "StepStartEvent"}
    pages = [
        {"__typename": "EventConnection", "events": [other, step], "cursor": "c1", "hasMore": True},
        {"__typename": "EventConnection", "events": [run], "cursor": "c2", "hasMore": False},
    ]
    webserver.will_answer(*({"logsForRun": page} for page in pages))

    assert DagsterClient(webserver.url).failures("r1") == ["step scores: ValueError: no photo"]
    assert [question["variables"]["cursor"] for question in webserver.asked] == [None, "c1"]


def test_failures_without_a_failed_step_tells_why_the_run_failed(webserver: Any) -> None:
    event = {"__typename": "RunFailureEvent", "message": "Run worker died", "error": None}
    page = {"__typename": "EventConnection", "events": [event], "cursor": "c", "hasMore": False}
    webserver.will_answer({"logsForRun": page})

    assert DagsterClient(webserver.url).failures("r1") == ["Run worker died"]


def test_terminate_run_that_fails_tells_why(webserver: Any) -> None:
    webserver.will_answer({"terminateRun": {"__typename": "TerminateRunFailure", "message": "already finished"}})

    with pytest.raises(DagsterRefused, match="TerminateRunFailure: already finished"):
        DagsterClient(webserver.url).terminate_run("r1")


def test_launch_backfill_selects_the_assets_of_the_job_that_can_be_made(webserver: Any) -> None:
    nodes = [
        {"assetKey": {"path": ["scores"]}, "isMaterializable": True},
        {"assetKey": {"path": ["source"]}, "isMaterializable": False},
    ]
    launched = {"__typename": "LaunchBackfillSuccess", "backfillId": "b1"}
    webserver.will_answer({"assetNodes": nodes}, {"launchPartitionBackfill": launched})

    assert DagsterClient(webserver.url).launch_backfill(JOB, ["2016-02", "2016-03"], {"k": "v"}, "two months") == "b1"
    assert webserver.asked[1]["variables"]["params"] == {
        "assetSelection": [{"path": ["scores"]}],
        "partitionNames": ["2016-02", "2016-03"],
        "tags": [{"key": "k", "value": "v"}],
        "title": "two months",
    }


def test_launch_backfill_of_a_job_without_assets_is_refused(webserver: Any) -> None:
    webserver.will_answer({"assetNodes": []})

    with pytest.raises(DagsterRefused, match="job 'nightly_increment' of code location 'beautyflow' has no assets"):
        DagsterClient(webserver.url).launch_backfill(JOB, ["2016-02"], {}, "nothing")


def test_unfinished_backfill_is_the_one_that_carries_all_tags(webserver: Any) -> None:
    def answer(name: str, tags: dict[str, str]) -> dict[str, Any]:
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        return {"id": name, "status": "REQUESTED", "tags": listed, "error": None, "runs": []}

    under_way = [answer("b1", {"airflow/task": "other"}), answer("b2", {"airflow/task": "mine", "more": "x"})]
    webserver.will_answer({"partitionBackfillsOrError": {"__typename": "PartitionBackfills", "results": under_way}})

    found = DagsterClient(webserver.url).unfinished_backfill({"airflow/task": "mine"})

    assert found == Backfill("b2", "REQUESTED", {"airflow/task": "mine", "more": "x"}, {}, "")


def test_graphql_errors_are_refusals_with_their_messages(webserver: Any) -> None:
    webserver.will_answer((400, json.dumps({"errors": [{"message": "Cannot query field 'x'"}]}).encode()))

    with pytest.raises(DagsterRefused, match=r"^Cannot query field 'x'$"):
        DagsterClient(webserver.url).run("r1")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_run_behind_a_gateway_in_trouble_is_unreachable(webserver: Any, status: int) -> None:
    webserver.will_answer((status, b"<html>later</html>"))

    with pytest.raises(DagsterUnreachable, match=f"/graphql answered {status} .*<html>later</html>"):
        DagsterClient(webserver.url).run("r1")


def test_run_behind_a_closed_door_is_refused(webserver: Any) -> None:
    webserver.will_answer((401, b"who are you"))

    with pytest.raises(DagsterRefused, match="/graphql answered 401 Unauthorized: 'who are you'"):
        DagsterClient(webserver.url).run("r1")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b""])
def test_run_from_something_that_is_not_dagster_is_unreachable(webserver: Any, body: bytes) -> None:
    webserver.will_answer((200, body))

    with pytest.raises(DagsterUnreachable, match="does not answer as Dagster does"):
        DagsterClient(webserver.url).run("r1")


def test_run_without_a_server_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(DagsterUnreachable, match=f"no answer from http://127.0.0.1:{port}: .*refused"):
        DagsterClient(f"http://127.0.0.1:{port}").run("r1")


def test_headers_go_with_every_question(webserver: Any) -> None:
    webserver.will_answer({"runsOrError": {"__typename": "Runs", "results": []}})

    DagsterClient(webserver.url, {"Authorization": "Basic abc"}).latest_run(JOB, {})

    assert webserver.headers[0]["Authorization"] == "Basic abc"


def test_client_takes_no_other_scheme_than_http() -> None:
    with pytest.raises(ValueError, match="must start with http:// or https://, got 'file:///etc/passwd'"):
        DagsterClient("file:///etc/passwd")
