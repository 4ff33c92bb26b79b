"""What tables and requests look like, and where partitions live. Knows nothing of Dagster.

``table.py`` says what a table is, ``lake.py`` how its partitions are stored and replaced,
``requests.py`` what an asset may ask of a Ray job, ``settings.py`` where this community lives; every
other module declares tables. ``registry.py`` finds them, so a new table joins by existing.
"""
