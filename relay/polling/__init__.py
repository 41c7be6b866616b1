"""
Asks Misskey's API for events that no webhook brought.

client    one request to the API, and why it was refused
walk      the steps through what is newer than a cursor
lists     the lists that are asked for: notifications, own notes, reports, accounts
events    from an item of a list to the webhook that Misskey would have sent
schedule  when a list is asked for next
polls     runs all pollers, each on its own time
poller    one list of one hook: asks, converts, stores
"""
