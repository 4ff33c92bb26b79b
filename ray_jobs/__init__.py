"""The Ray side of Beautyflow: jobs that need many cores or GPUs.

Each job is a plain class (load in ``__init__``, one batch in ``__call__``), a ``run(request)`` and a
``__main__`` that reports through Dagster Pipes, or prints when a person runs it by hand.
"""
