"""Before and after a change, measured on a real server; what the figures mean is pure."""
