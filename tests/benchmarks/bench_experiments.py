"""Whether the matching experiments find what is planted, and nothing where nothing is.

``python tests/benchmarks/bench_experiments.py [--seeds 20] [--users 4000] [--months 30] [--set influence=0.3 ...]``
simulates communities without images (noisy ready-made scores), runs dbt's SQL on each, and each experiment on that. Per
experiment it prints the planted effect on the matched, the mean estimate and its bias with the Monte Carlo error, how
often the 95 % interval covers, how often something is found, how often a placebo is, and how far off the naive estimate
is. Rates are held against the 99 % binomial region around what is nominal. With ``--null`` the cause of each experiment
is 0, so that findings are false. ``--curve KNOB VALUES...`` repeats it along a knob, such as ``unobserved 0 0.5 1``.
A community takes some 11 core-seconds; with ``--keep FOLDER`` what each one found is kept there, and not done again.
Nothing is asserted.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from assets.causal.declared import MatchingExperiment
from assets.causal.experiment_tables import strongest_covariate
from assets.causal.experiments import EXPERIMENTS
from assets.causal.reports import Report, report
from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.simulation import simulate
from tests.benchmarks.compiled_marts import CompiledModel, compile_models, run_models
from tests.benchmarks.planted import Planted, planted

_CAUSES = {"influence": 0.0, "imbalance_churn": 0.0, "recognition_retention": 0.0}
Knobs = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What one experiment found in one community; numbers are NaN where it was not possible.

    Attributes:
        planted: Mean effect on the matched treated that the truth knows of.
        between: What an estimate without error would find between those compared, of whom some are not what scores call
            them.
        value, lower, upper: Estimate and interval.
        naive: Difference of the arms as they are.
        placebo: What the placebo outcome finds.
        is_placebo_found: Whether its interval leaves out 0.
        is_credible: Whether nothing speaks against it.
        gamma: Gamma*.
        strongest: What the strongest covariate does to the odds of treatment.
        share: Share of the matched treated whose truth is known.
        error_shift: Most that errors of scores can have added.
    """

    planted: float
    between: float
    value: float
    lower: float
    upper: float
    naive: float
    placebo: float
    is_placebo_found: float
    is_credible: float
    gamma: float
    strongest: float
    share: float
    error_shift: float


def main() -> None:
    """Simulate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--users", type=int, default=4000)
    parser.add_argument("--months", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--null", action="store_true", help="set the causes of all experiments to 0")
    parser.add_argument("--set", nargs="+", default=[], metavar="KNOB=VALUE", help="other knobs of the simulator")
    parser.add_argument("--curve", nargs="+", default=[], metavar="KNOB VALUE", help="repeat along a knob")
    parser.add_argument("--keep", type=Path, help="folder of what each community found; erase it when code changes")
    chosen = parser.parse_args()
    knobs: dict[str, Any] = {"users": chosen.users, "months": chosen.months, "images": False}
    knobs |= _CAUSES if chosen.null else {}
    knobs |= {name: _number(value) for name, value in (one.split("=") for one in chosen.set)}
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    low, high = (int(end) for end in stats.binom.interval(0.99, len(seeds), 0.05))
    print(f"{len(seeds)} seeds from {seeds[0]} on; {knobs}")
    print(f"99 % binomial region of 5 %: {low} to {high} of {len(seeds)}", flush=True)
    models = compile_models("fct_user_month_windows")
    settings = [knobs]
    if chosen.curve:
        settings = [{**knobs, chosen.curve[0]: _number(value)} for value in chosen.curve[1:]]
    with ProcessPoolExecutor(chosen.workers) as pool:
        for one in settings:
            if chosen.curve:
                print(f"\n{chosen.curve[0]} = {one[chosen.curve[0]]}")
            found = list(pool.map(partial(_kept, chosen.keep, models, one), seeds))
            for experiment in EXPERIMENTS:
                tell(experiment, [results[experiment.name] for results in found])


def _kept(folder: Path | None, models: Sequence[CompiledModel], knobs: Knobs, seed: int) -> dict[str, Found]:
    """What the experiments found in a community, from the folder if it is there."""
    if folder is None:
        return run_experiments(models, knobs, seed)
    settings = json.dumps({**knobs, "seed": seed}, sort_keys=True)
    path = folder / f"{hashlib.sha256(settings.encode()).hexdigest()[:16]}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        found = {name: asdict(one) for name, one in run_experiments(models, knobs, seed).items()}
        staged = path.with_suffix(".staged")
        staged.write_text(json.dumps(found))
        staged.replace(path)
    return {name: Found(**one) for name, one in json.loads(path.read_text()).items()}


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def run_experiments(
    models: Sequence[CompiledModel], knobs: Knobs, seed: int, experiments: Sequence[MatchingExperiment] = EXPERIMENTS
) -> dict[str, Found]:
    """Experiments in the community of one seed.

    Args:
        models: Of ``compile_models``.
        knobs: Of the simulator.
        seed: Its seed.
        experiments: Which ones.
    """
    with tempfile.TemporaryDirectory() as folder:
        landing, truth = Path(folder, "landing"), Path(folder, "truth")
        config = SimulationConfig.from_mapping({**knobs, "seed": seed})
        simulate(config, landing, truth, workers=1)
        with run_models(tuple(models), landing / config.name) as connection:
            found = {}
            for experiment in experiments:
                units = connection.execute(experiment.query()).to_arrow_table()
                one = report(units, experiment, in_parts=False)
                found[experiment.name] = _found(one, planted(connection, truth / config.name, units, one))
    return found


def _found(one: Report, truth: Planted) -> Found:
    result = one.result
    if result is None:
        return Found(*([np.nan] * len(Found.__dataclass_fields__)))
    effect = result.effect
    placebo = [r for r in result.refutations if r.kind == "placebo outcome"]
    return Found(
        truth.effect,
        truth.between,
        effect.value,
        effect.lower,
        effect.upper,
        result.naive.value,
        placebo[0].effect.value if placebo else np.nan,
        float(placebo[0].found_something) if placebo else np.nan,
        float(not one.objections),
        result.sensitivity.gamma_star,
        strongest_covariate(result)[1] or np.nan,
        truth.share,
        one.error_shift,
    )


def tell(experiment: MatchingExperiment, found: Sequence[Found]) -> None:
    """Print what became of one experiment over the seeds."""
    columns = {name: np.array([getattr(one, name) for one in found]) for name in Found.__dataclass_fields__}
    made = ~np.isnan(columns["value"])
    columns = {name: values[made] for name, values in columns.items()}
    print(f"\n{experiment.name}: {experiment.outcome.words}; possible in {made.sum()} of {len(found)}")
    if not made.any():
        return
    bias = columns["value"] - columns["planted"]
    effect = float(columns["planted"].mean())
    error = bias.std(ddof=1) / np.sqrt(len(bias)) if len(bias) > 1 else np.nan
    bar = 0.05 * abs(effect) + 2 * error
    believed = columns["is_credible"] == 1
    covered = (columns["lower"] <= columns["planted"]) & (columns["planted"] <= columns["upper"])
    found_it = (columns["lower"] > 0) | (columns["upper"] < 0)
    for line in (
        f"planted {effect:+.5f}, estimate {columns['value'].mean():+.5f}, naive {columns['naive'].mean():+.5f}",
        f"bias {bias.mean():+.5f} (Monte Carlo error {error:.5f}; bar {bar:.5f}), "
        f"of the naive {np.mean(columns['naive'] - columns['planted']):+.5f}; "
        f"beside what is planted between those compared, {columns['between'].mean():+.5f}: "
        f"{_mean_and_error(columns['value'] - columns['between'])}",
        f"spread over seeds {columns['value'].std(ddof=1) if len(bias) > 1 else np.nan:.5f}, mean standard error "
        f"{np.mean((columns['upper'] - columns['lower']) / 3.92):.5f}",
        f"interval covers in {covered.sum()} of {len(bias)}; found in {found_it.sum()}, with the planted sign in "
        f"{np.sum(found_it & (np.sign(columns['value']) == np.sign(columns['planted'])))}",
        f"placebo {_mean_and_error(columns['placebo'])}, found in {np.nansum(columns['is_placebo_found']):.0f}",
        f"credible in {believed.sum()}: bias {_mean_and_error(bias[believed])}, covered {(covered & believed).sum()}, "
        f"found {(found_it & believed).sum()}; of {(~covered).sum()} intervals that miss, "
        f"{(~covered & ~believed).sum()} are not credible",
        f"errors of scores add at most {_mean_and_error(columns['error_shift'])}; medians: gamma* "
        f"{np.median(columns['gamma']):.2f}, odds of the strongest covariate {np.nanmedian(columns['strongest']):.2f}; "
        f"truth known of {columns['share'].mean():.0%} of the matched",
    ):
        print(f"  {line}", flush=True)


def _mean_and_error(values: np.ndarray) -> str:
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return "unknown"
    return f"{values.mean():+.5f} (Monte Carlo error {values.std(ddof=1) / np.sqrt(len(values)):.5f})"


if __name__ == "__main__":
    main()
