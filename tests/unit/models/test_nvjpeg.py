"""Decoding on the GPU, with a decoder on the CPU in place of the one call of torchvision that needs a GPU."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
import simplejpeg
import torch
from PIL import Image

from models import nvjpeg
from models.decoding import UnscorablePhoto
from models.nvjpeg import squares
from models.pipeline import score_overlapped
from models.preprocessing import Preprocessing
from models.scorer import Scorer, ScorerConfig
from models.weights import ModelConfig, dump_weights

ON_GPU = Preprocessing(input_size=32, decoder="nvjpeg")


@pytest.fixture
def handed_over(monkeypatch):
    """Sizes of the lists that the decoder was handed, which breaks on a broken file as nvJPEG does."""
    lists = []

    def decode(files):
        lists.append(len(files))
        try:
            pixels = [simplejpeg.decode_jpeg(file.numpy().tobytes(), "RGB") for file in files]
        except ValueError as error:
            raise RuntimeError(str(error)) from error
        return [torch.from_numpy(each.transpose(2, 0, 1).copy()) for each in pixels]

    monkeypatch.setattr(nvjpeg, "nvjpeg", lambda device="cuda": decode)
    return lists


def pixels_of(seed, height=80, width=120):
    small = np.random.default_rng(seed).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def jpeg(seed, orientation=None, **size):
    buffer, exif = io.BytesIO(), Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.fromarray(pixels_of(seed, **size)).save(buffer, "JPEG", quality=92, exif=exif)
    return buffer.getvalue()


def png(seed):
    buffer = io.BytesIO()
    Image.fromarray(pixels_of(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def test_squares_are_those_of_the_cpu_within_rounding(handed_over):
    contents = [jpeg(0), jpeg(1, height=20, width=24), jpeg(2, height=200, width=30)]
    found = squares(contents, 32, nvjpeg.nvjpeg(), "cpu")
    expected = np.stack([Preprocessing(input_size=32, dct_scaling=False).prepare(each) for each in contents])
    difference = np.abs(found.pixels.numpy().astype(int) - expected)
    # OpenCV weighs pixels on the border of two cells by their share, torch counts them whole.
    assert difference.mean(axis=(1, 2, 3)).max() < 3
    assert handed_over == [3]


def test_squares_leave_to_the_cpu_what_is_no_plain_jpeg(handed_over):
    contents = [jpeg(0), png(1), jpeg(2, orientation=6), jpeg(3)[:-200], b"", jpeg(4, orientation=1)]
    found = squares(contents, 32, nvjpeg.nvjpeg(), "cpu")
    assert handed_over == [2]
    assert {position: failure.reason for position, failure in found.failures.items()} == {3: "truncated", 4: "empty"}
    assert found.pixels.shape == (4, 32, 32, 3)
    for row, content in enumerate([contents[0], contents[1], contents[2], contents[5]]):
        one = squares([content], 32, nvjpeg.nvjpeg(), "cpu").pixels[0]
        assert torch.equal(found.pixels[row], one)


def test_squares_of_what_comes_with_a_broken_file_are_those_that_they_are_alone(handed_over):
    whole, broken, other = jpeg(0), bytearray(jpeg(1)), jpeg(2)
    broken[-400:-2] = b"\xff\xc0" * 199
    found = squares([whole, bytes(broken), other], 32, nvjpeg.nvjpeg(), "cpu")
    assert handed_over == [3, 1, 1, 1]
    assert list(found.failures) == [1]
    for row, content in zip(found.pixels, (whole, other), strict=True):
        assert torch.equal(row, squares([content], 32, nvjpeg.nvjpeg(), "cpu").pixels[0])
    assert squares([], 32, nvjpeg.nvjpeg(), "cpu").pixels.shape == (0, 32, 32, 3)


def test_squares_do_not_take_want_of_memory_for_a_broken_file():
    def decode(files):
        raise torch.OutOfMemoryError("no memory left on the device")

    with pytest.raises(torch.OutOfMemoryError):
        squares([jpeg(0), jpeg(1)], 32, decode, "cpu")


def test_scores_of_photos_decoded_in_batches_are_those_of_single_ones(handed_over):
    torch.manual_seed(0)
    config = ModelConfig("alexnet_small", "classifier", ON_GPU)
    scorer = Scorer(dump_weights(config.create_network(), config))
    contents = [jpeg(seed) for seed in range(20)] + [b"", png(20)]

    def read(item):
        if item == 3:
            raise UnscorablePhoto("missing", "no such file")
        return contents[item]

    with ThreadPoolExecutor(2) as pool:
        batches = list(score_overlapped(range(22), read, scorer, pool, batch_size=32))
    found = {item: beauty for batch in batches for item, beauty in zip(batch.items, batch.scores.beauty, strict=True)}
    assert {item: failure.reason for batch in batches for item, failure in batch.failures} == {
        3: "missing",
        20: "empty",
    }
    for item, beauty in found.items():
        alone = scorer(nvjpeg.one_square(contents[item], 32, "cpu")[None]).beauty[0]
        assert beauty == pytest.approx(alone, abs=1e-5)
    assert len(found) == 20


def test_preprocessing_on_the_gpu_is_another_identity_and_refuses_what_only_the_cpu_can():
    on_cpu = replace(ON_GPU, decoder="")
    assert on_cpu.hash == Preprocessing(input_size=32).hash != ON_GPU.hash
    with pytest.raises(ValueError, match="decoder is 'gpu'; choose one of"):
        replace(on_cpu, decoder="gpu")
    with pytest.raises(ValueError, match="features, crops and other filters need the CPU"):
        replace(on_cpu, decoder="nvjpeg", fit="crop")


@pytest.mark.skipif(torch.cuda.is_available(), reason="tells what happens without a GPU")
def test_scorer_without_a_gpu_says_what_the_model_needs():
    config = ModelConfig("alexnet_small", "classifier", ON_GPU)
    with pytest.raises(RuntimeError, match="and cpu is no CUDA device that is there; score on a GPU"):
        Scorer(dump_weights(config.create_network(), config), ScorerConfig())
