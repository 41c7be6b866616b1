"""
End-to-end encryption for an account that sends and never reads.

signing   canonical JSON and its signatures
identity  the keys of the account's device, and those that sign it
readers   the devices of a room's members that may read, as the homeserver lists them
olm       gives the keys of messages to these devices
megolm    encrypts the messages of a room
login     makes a device, and signs it

Only the keys of ``identity`` are kept, in a secret of the configuration. All sessions are in memory
and end with the process: a session that was stored could be used twice from the same state, after
a crash or from a backup, and then nobody can read what it encrypts.
https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
"""
