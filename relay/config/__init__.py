"""
The configuration file: strict; reports every mistake with its line and column, all at once.

load             reads a file: its text, the models, the checks
compose, yaml    YAML text to nodes, and on to plain data
env              variables and files of secrets
settings, types  the models of what the file may say, and of single values
checks           what one part of the file says of another
template_checks  tries templates and conditions before the first event does
diagnostics      mistakes with their places, and the key that was probably meant
effective        every setting in effect, and where it comes from
schema           the JSON Schema of the file, for editors and docs
"""

from relay.config.env import credential
from relay.config.load import (
    MAX_FILE,
    load,
    load_without_secrets,
    outbox_of,
    parse,
    secret_files,
)
from relay.config.settings import LISTEN, Config, WebSettings
from relay.config.template_checks import Samples
from relay.config.types import Locale, OutboxUrl

__all__ = [
    "LISTEN",
    "MAX_FILE",
    "Config",
    "Locale",
    "OutboxUrl",
    "Samples",
    "WebSettings",
    "credential",
    "load",
    "load_without_secrets",
    "outbox_of",
    "parse",
    "secret_files",
]
