"""
The configuration file: strict, and all its mistakes are told at once, with their places.

document, syntax, variable,  YAML text, and what it takes from outside, to plain data
credential
settings, condition, value   the models of what the file may say
crosscheck, proof            what one part says of another; templates and conditions, tried
source, complaint, shape,    mistakes with their places, in words for people, with the likely
likely                       meaning of what is misspelt
"""

from relay.config.credential import credential
from relay.config.settings import (
    LISTEN,
    MAX_FILE,
    Config,
    WebSettings,
    load,
    parse,
    secret_files,
)
from relay.config.value import Locale, OutboxUrl

__all__ = [
    "LISTEN",
    "MAX_FILE",
    "Config",
    "Locale",
    "OutboxUrl",
    "WebSettings",
    "credential",
    "load",
    "parse",
    "secret_files",
]
