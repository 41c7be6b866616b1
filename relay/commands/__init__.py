"""What the commands do, apart from reading their arguments: each family in a module."""
