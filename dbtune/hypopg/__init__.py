"""The second pricing engine: the target's own planner, with the extension HypoPG."""
