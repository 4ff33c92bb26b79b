"""Primitives of the canvas, on surfaces small enough to count pixels."""

import numpy as np

from assets.landing.simulator.scene_canvas import Canvas, fractal


def test_polygon_covers_its_half_of_picture_and_subject() -> None:
    canvas = Canvas(20, 10)
    canvas.polygon([(0.5, -0.5), (1.5, -0.5), (1.5, 1.5), (0.5, 1.5)], (1.0, 0.5, 0.0), subject=True)
    assert (canvas.rgb[:, 12:] == (255, 128, 0)).all()
    assert (canvas.rgb[:, :9] == 0).all()
    assert (canvas.subject[:, 12:] == 255).all()
    assert (canvas.subject[:, :9] == 0).all()


def test_ellipse_outside_the_subject_leaves_the_subject_alone() -> None:
    canvas = Canvas(40, 20)
    canvas.ellipse((0.5, 0.5), (0.25, 0.25), (0.0, 0.0, 1.0))
    assert tuple(canvas.rgb[10, 20]) == (0, 0, 255)
    assert canvas.subject.max() == 0


def test_gradient_fills_its_rows_from_top_to_bottom() -> None:
    canvas = Canvas(4, 10)
    canvas.gradient((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.5, 1.0)
    assert (canvas.rgb[:5] == 0).all()
    assert (canvas.rgb[9] == 255).all()
    assert (np.diff(canvas.rgb[5:, 0, 0].astype(int)) > 0).all()
    canvas.gradient((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 0.9, 0.2)
    assert (canvas.rgb[:5] == 0).all()


def test_veil_blends_as_much_as_its_mask_says() -> None:
    canvas = Canvas(4, 4)
    canvas.veil(np.array([[0.0, 0.5, 1.0, 1.0]], np.float32), (1.0, 1.0, 1.0), y0=0.5)
    assert canvas.rgb[2, :, 0].tolist() == [0, 127, 255, 255]
    assert canvas.rgb[[0, 1, 3]].max() == 0


def test_fractal_has_zero_mean_and_unit_spread_over_many_cuts() -> None:
    rng = np.random.default_rng(0)
    cuts = np.stack([fractal(rng, 160, 120) for _ in range(60)])
    assert cuts.shape == (60, 120, 160)
    assert abs(cuts.mean()) < 0.2
    assert 0.6 < cuts.std() < 1.3


def test_fractal_takes_the_same_draws_for_an_empty_cut() -> None:
    empty, full = np.random.default_rng(4), np.random.default_rng(4)
    assert fractal(empty, 30, 0).shape == (0, 30)
    fractal(full, 30, 20)
    assert empty.random() == full.random()
