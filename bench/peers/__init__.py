"""
What people run instead, with the same work: a webhook comes in, a message goes to a chat.

script         the forty lines that most people write
apprise        a handler around Apprise, from PyPI
alertmanager   Prometheus' Alertmanager, from Debian
webhook        adnanh/webhook, from Debian, which runs a program for each request
node_red       Node-RED, from npm

``peer`` says what they have in common, ``comparison`` measures. None of them keeps anything: what
is on its way when they end is lost.
"""
