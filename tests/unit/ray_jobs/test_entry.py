import json

from assets.contracts.requests import ScorePhotos
from ray_jobs.entry import main


def job(request, report):
    report("working")
    return {"months": request.months}


def test_main_prints_the_result_and_reports_on_stderr(capsys):
    text = json.dumps({"lake_uri": "l", "media_root": "m", "months": ["2013-01"]})
    assert main(job, ScorePhotos, ["--request", text]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"months": ["2013-01"]}
    assert captured.err == "working\n"


def test_main_explains_a_bad_request(capsys):
    assert main(job, ScorePhotos, ["--request", '{"month": 1}']) == 2
    assert "ScorePhotos has no fields ['month']" in capsys.readouterr().err
    assert main(job, ScorePhotos, ["--request", "nonsense"]) == 2
    assert "cannot read the request" in capsys.readouterr().err
