"""Who may and who should see an event: pure functions."""
