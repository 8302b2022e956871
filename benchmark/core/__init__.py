"""Humans against networks: statistics on one long table of readings. Plain Python, no Django.

    from benchmark.core.analysis import analyse
    from benchmark.core.readings import read_readings

    results = analyse(read_readings("readings.csv"), seed=0)

The same from a terminal: ``python -m benchmark.core analyse readings.csv --out DIR``.
"""
