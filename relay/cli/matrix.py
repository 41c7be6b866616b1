"""``matrix``: log an account of Matrix in, so that relay can write in encrypted rooms."""

import getpass
import sys
from argparse import Namespace
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from relay.cli.matrix_login import logged_in
from relay.cli.new_files import create_secret, reject_existing, reject_unwritable, unwritable
from relay.cli.output import echo
from relay.cli.parser import Commands, add
from relay.errors import ConfigError
from relay.secret import Secret
from relay.sinks.matrix.address import check_homeserver, missing_extra

if TYPE_CHECKING:
    from relay.sinks.matrix.crypto.login import Credentials

BACK = "http://localhost/relay"
"""Where the browser is sent after a single sign-on: nothing is there, but its address is read."""


def login(args: Namespace) -> Coroutine[Any, Any, int]:
    if (missing := missing_extra()) is not None:
        raise ConfigError(f"relay matrix login {missing}")
    try:
        check_homeserver(args.homeserver, allow_http=args.allow_http)
    except ValueError as problem:
        raise ConfigError(f"--homeserver: {problem}") from None
    token, keys = args.folder / args.name, args.folder / f"{args.name}-keys"
    reject_existing(token, keys, command="matrix login")
    return _login(args, _credentials(args), token, keys)


async def _login(args: Namespace, credentials: "Credentials", token: Path, keys: Path) -> int:
    reject_unwritable(args.folder)
    login = await logged_in(
        args.homeserver,
        credentials,
        keys_of=args.identity,
        may_replace=args.replace_identity,
    )
    try:
        create_secret(token, login.token.reveal())
        create_secret(keys, login.keys.reveal())
    except OSError as error:
        raise unwritable(error) from None
    echo(
        f"relay is logged in as {login.user}. {token} and {keys} are written.\n\n"
        f"Now in the configuration, in each sink of this account:\n\n"
        f"    token_file: {token}\n"
        f"    keys_file: {keys}"
    )
    return 0


def _credentials(args: Namespace) -> "Credentials":
    from relay.sinks.matrix.crypto.login import Credentials, sso_address

    if args.sso:
        echo(f"Open this in a browser, and sign in:\n\n  {sso_address(args.homeserver, back=BACK)}")
        echo("\nIt ends at a page that cannot be shown. Copy the address of that page.")
        return Credentials("", Secret(_token(_read("Its address (hidden): "))), is_token=True)
    if not args.user:
        raise ConfigError("--user is missing: the account's name")
    return Credentials(args.user, Secret(_read("Its password (hidden, never stored): ")))


def _token(address: str) -> str:
    """The login token in the address to which a browser was sent, or the token itself."""
    tokens = parse_qs(urlsplit(address).query).get("loginToken")
    return tokens[0] if tokens else address


def _read(prompt: str) -> str:
    """Read a secret without echo from a terminal, else the first line of standard input."""
    text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    if not (secret := text.strip("\r\n")):
        raise ConfigError("there is no secret on standard input")
    return secret


def add_command(commands: Commands) -> None:
    about = "log an account of Matrix in, with keys for encrypted rooms"
    parser = commands.add_parser(
        "matrix", help=about, description=about, example="relay matrix login --help"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    logging_in = add(
        actions,
        "login",
        login,
        about="log in, and write the token and the keys of the new session",
        example="relay matrix login --homeserver https://matrix.example --user relay",
        config=False,
    )
    logging_in.add_argument("--homeserver", metavar="URL", required=True)
    logging_in.add_argument(
        "--allow-http", action="store_true", help="the homeserver may begin with http://"
    )
    logging_in.add_argument("--user", metavar="NAME", help="asks for its password")
    logging_in.add_argument("--sso", action="store_true", help="sign in with a browser instead")
    logging_in.add_argument(
        "--folder", type=Path, metavar="FOLDER", default=Path("secrets"), help="default: secrets"
    )
    logging_in.add_argument(
        "--name", default="matrix", help="of the new files NAME and NAME-keys; default: matrix"
    )
    logging_in.add_argument(
        "--identity", type=Path, metavar="FILE", help="the keys of an earlier login of the account"
    )
    logging_in.add_argument(
        "--replace-identity",
        action="store_true",
        help="replace the account's identity if its keys are lost",
    )
