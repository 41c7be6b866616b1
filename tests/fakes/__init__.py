"""
Servers that stand in for the vendors, so that tests use real HTTP.

`discord` and `slack` validate as strictly as the vendors do and record what they take; `misskey`
sends real captured webhooks, and `misskey_api` is asked for notifications; `synapse` runs a real
Matrix homeserver.
"""
