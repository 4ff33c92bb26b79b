import pytest

from models.decoding import UnscorablePhoto
from ray_jobs.photo_source import PhotoSource


def test_read_gives_the_bytes(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"plain")
    assert PhotoSource(str(tmp_path)).read("a.jpg") == b"plain"


@pytest.mark.parametrize(("uri", "reason"), [("b.jpg", "missing"), ("a.tar#1.jpg", "unreadable_container")])
def test_read_quarantines_what_cannot_be_read(tmp_path, uri, reason):
    (tmp_path / "a.tar").write_bytes(b"no tar" * 500)
    with pytest.raises(UnscorablePhoto) as caught:
        PhotoSource(str(tmp_path)).read(uri)
    assert caught.value.reason == reason
    assert caught.value.detail.startswith(uri)
