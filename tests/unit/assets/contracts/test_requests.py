import importlib.util
import json

import pytest

from assets.contracts.requests import ExplainPhotos, RayRequest, ScorePhotos, ScoreSample

PLACES = {"lake_uri": "lake", "media_root": "landing"}

REQUESTS = [request for request in RayRequest.__subclasses__() if request.__module__.startswith("assets.")]
"""Tests define requests of their own, which say nothing about the contract."""

REQUIRED = {
    ExplainPhotos: {"photo_ids": [1], "compared_ids": [2]},
    ScorePhotos: {"months": ["2016-03"]},
    ScoreSample: {"photo_ids": [1, 2], "zone": "drift"},
}


def example_of(request: type[RayRequest]) -> RayRequest:
    return request(**PLACES, **REQUIRED.get(request, {}))


def test_there_are_requests():
    assert ScorePhotos in REQUESTS


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda r: r.__name__)
def test_from_dict_restores_what_travelled_as_json(request_type):
    sent = example_of(request_type)
    assert request_type.from_dict(json.loads(sent.to_json())) == sent


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda r: r.__name__)
def test_job_names_an_existing_module(request_type):
    assert importlib.util.find_spec(request_type.job) is not None


def test_from_dict_names_unknown_fields():
    with pytest.raises(ValueError, match=r"ScorePhotos has no fields \['month'\]; it has .*'months'"):
        ScorePhotos.from_dict({**PLACES, "month": "2016-03"})


def test_from_dict_names_missing_fields():
    with pytest.raises(ValueError, match="ScorePhotos: .*missing.*'months'"):
        ScorePhotos.from_dict(PLACES)
