"""Matching experiments: designs, matched samples, estimates and what could refute them."""
