"""The gate: what fails, what passes, and a reason for every decision."""
