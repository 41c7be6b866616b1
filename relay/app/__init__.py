"""The whole process: built from a configuration, run, reloaded, and stopped."""
