"""Throwaway PostgreSQL servers of our own: for the twin, the demo, benchmarks and tests."""
