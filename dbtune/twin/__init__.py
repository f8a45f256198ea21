"""An embedded server with the target's schema and statistics and no rows: plans and prices."""
