"""Scoring speed against its bound: ``python -m models.benchmark --device cuda --model alexnet_reference``.

Needs torch and numpy; with ``--images`` also what decoding needs. Prints one JSON object. Core-seconds are measured
beside wall-clock seconds, since they hardly change when other programs keep the machine busy.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch

from models.nvjpeg import squares
from models.pipeline import score_overlapped
from models.registry import list_models, model_entry
from models.scorer import Scorer, ScorerConfig
from models.weights import ModelConfig, dump_weights


@dataclass(frozen=True)
class Rate:
    """Speed of one piece of work.

    Attributes:
        images: Images that were measured.
        images_per_s: Images per second of wall-clock time.
        core_s_per_image: CPU time of this process per image, in seconds.
    """

    images: int
    images_per_s: float
    core_s_per_image: float


def timed(work: Callable[[], int], seconds: float) -> Rate:
    """Repeat ``work``, which returns how many images it did, for about ``seconds`` after one warm-up."""
    work()
    wall, core, images = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - wall < seconds:
        images += work()
    return Rate(images, images / (time.perf_counter() - wall), (time.process_time() - core) / images)


def untrained_weights(architecture: str, input_size: int = 0, decoder: str = "") -> bytes:
    """Random weights of an architecture with a classifier head; speed does not depend on what was learned."""
    preprocessing = replace(model_entry(architecture).preprocessing.resized(input_size), decoder=decoder)
    config = ModelConfig(architecture, "classifier", preprocessing)
    return dump_weights(config.create_network(), config)


def measure_model(scorer: Scorer, batch_size: int, seconds: float) -> Rate:
    """The network alone, on one batch that is there already."""
    shape = (batch_size, *scorer.preprocessing.shape)
    batch = np.random.default_rng(0).integers(0, 255, shape).astype(scorer.preprocessing.dtype)

    def score() -> int:
        scorer(batch)
        return batch_size

    return timed(score, seconds)


def measure_decoding(scorer: Scorer, photos: Sequence[bytes], seconds: float) -> Rate:
    """Decoding and preparing alone, in one thread, or on the GPU that decodes."""
    source = cycle(photos)

    def decode() -> int:
        if scorer.decode is not None:
            side, device = scorer.preprocessing.input_size, scorer.config.device
            return len(squares(list(islice(source, 64)), side, scorer.decode, device).pixels.cpu())
        for content in islice(source, 64):
            scorer.preprocessing.prepare(content)
        return 64

    return timed(decode, seconds)


def measure_end_to_end(scorer: Scorer, photos: Sequence[bytes], batch_size: int, decoders: int, seconds: float) -> Rate:
    """Decoding and scoring overlapped, as a scoring actor does it."""
    with ThreadPoolExecutor(decoders) as pool:

        def score() -> int:
            items = list(islice(cycle(range(len(photos))), 8 * batch_size))
            batches = score_overlapped(items, photos.__getitem__, scorer, pool, batch_size=batch_size)
            return sum(len(batch.items) for batch in batches)

        return timed(score, seconds)


def bound_images_per_s(decoding: Rate, model: Rate, cores: int, device: str, decoder: str = "") -> float:
    """What no arrangement can beat: all cores busy all the time, or the slower of all decoders and the GPU.

    A GPU that decodes as well does one after the other.
    """
    if decoder:
        return 1 / (1 / decoding.images_per_s + 1 / model.images_per_s)
    if device == "cpu":
        return cores / (decoding.core_s_per_image + model.core_s_per_image)
    return min(cores / decoding.core_s_per_image, model.images_per_s)


def main() -> None:
    """Measure what the command line asks for and print it."""
    parser = argparse.ArgumentParser(prog="python -m models.benchmark", description="Scoring speed against its bound.")
    parser.add_argument("--model", default="alexnet_small", choices=list_models())
    parser.add_argument("--device", default="cpu", help="cpu, or a CUDA device")
    parser.add_argument("--engine", default="auto", help="auto, torch or onnxruntime")
    parser.add_argument("--decoder", default="", help="nvjpeg decodes on the GPU")
    parser.add_argument("--compile", action="store_true", help="let torch compile the network")
    parser.add_argument("--batch", type=int, default=128, help="photos per forward pass")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    parser.add_argument("--images", type=Path, help="folder of JPEGs for decoding and end to end")
    asked = parser.parse_args()
    torch.manual_seed(0)
    config = ScorerConfig(engine=asked.engine, device=asked.device, compiles=asked.compile)
    scorer = Scorer(untrained_weights(asked.model, decoder=asked.decoder), config)
    model = measure_model(scorer, asked.batch, asked.seconds)
    result: dict[str, object] = {"engine": scorer.engine_name, "device": asked.device, "model": asdict(model)}
    if asked.images:
        photos = [file.read_bytes() for file in sorted(asked.images.glob("*.jpg"))]
        cores = len(os.sched_getaffinity(0))
        decoding = measure_decoding(scorer, photos, asked.seconds)
        whole = measure_end_to_end(scorer, photos, asked.batch, cores, asked.seconds)
        bound = bound_images_per_s(decoding, model, cores, asked.device, asked.decoder)
        result |= {"decoding": asdict(decoding), "end_to_end": asdict(whole), "bound_images_per_s": bound}
        result["ratio_to_bound"] = whole.images_per_s / bound
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
