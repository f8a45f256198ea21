"""A demo application: a CRM with its data and its traffic, on a server of our own."""
