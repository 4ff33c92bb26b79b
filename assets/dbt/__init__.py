"""From the lake to the warehouse: what dbt reads, how it is run, and what people may query afterwards.

``catalog.py`` tells dbt which files count, ``sources.py`` what the lake's tables are, ``arguments.py``
and ``changes.py`` which months to replay, ``build.py`` runs dbt, ``publish.py`` swaps in the copy that
``query.py`` reads. Models live in ``dbt_project/``; only ``assets.py`` and ``translator.py`` know Dagster.
"""
