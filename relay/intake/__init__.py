"""The HTTP door: authenticate, parse, route, commit, answer."""
