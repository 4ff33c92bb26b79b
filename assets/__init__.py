"""The Dagster side of Beautyflow: what exists, how it is split and how one split is made.

Tables are declared in ``contracts``; each chapter of the platform is a slice of its own
(``landing``, ``community``, ``beauty`` ...). ``definitions.py`` is the only list of what is loaded.
"""
