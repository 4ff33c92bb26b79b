"""Leaf of plain functions that several slices share; knows nothing of Dagster."""
