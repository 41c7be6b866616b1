"""What stands beside relay, in processes of its own: it is weighed, so it imports little."""
