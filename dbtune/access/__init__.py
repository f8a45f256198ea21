"""How an application asks: what it repeats inside one unit of work, and where the values come from.

Pure functions from Traffic (or from counters alone) to patterns; detectors judge them.
"""
