"""The operator's page, on an address of its own."""
