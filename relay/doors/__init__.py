"""
Doors of servers.

listening     they open on an address, and leave no trace
connections   how many may be open at once
"""
