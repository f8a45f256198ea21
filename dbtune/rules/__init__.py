"""Rules: YAML files that say how much a detector's match matters, from when, and in which words."""
