"""
The configuration file: strict, and all its mistakes are told at once, with their places.

file, document, syntax,      YAML text, and what it takes from outside, to plain data
variable, credential
settings, condition, value   the models of what the file may say
crosscheck, proof            what one part says of another; templates and conditions, tried
placeholder                  what stands in for secrets, for commands that only look
source, complaint, shape,    mistakes with their places, in words for people, with the likely
likely                       meaning of what is misspelt
"""

from relay.config.checks import Samples
from relay.config.env import credential
from relay.config.file import MAX_FILE, outbox_of, secret_files
from relay.config.settings import LISTEN, Config, WebSettings, load, load_without_secrets, parse
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
