"""
Decides which pictures a chat draws, by their type and their address; all others are links.

A chat's own servers load pictures. One that they cannot load is missing without a word, or makes
the chat refuse the whole message.
"""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from relay.text.links import is_web
from relay.text.message import Image

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"

_ALIASES = {
    "image/jpg": JPEG,
    "image/pjpeg": JPEG,
    "image/x-jpeg": JPEG,
    "image/x-png": PNG,
    "image/x-webp": WEBP,
}
_BY_ENDING = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"), JPEG),
    "png": PNG,
    "gif": GIF,
    "webp": WEBP,
    **{
        ending: f"image/{ending}"
        for ending in (
            "apng avif avifs heic heics heif heifs hif bmp dib tif tiff svg svgz psd psb ico cur "
            "jxl jp2 jpx j2k jpf jxr wdp hdp xcf tga dds exr hdr pcx qoi kra clip ora ai eps emf "
            "wmf pict pct xbm xpm pbm pgm ppm pnm dng raw cr2 cr3 nef arw orf rw2 raf pdf mp4 m4v "
            "mov webm mkv avi mp3 ogg opus wav flac m4a zip html htm txt"
        ).split()
    },
}
"""Media types by the ending of an address; other endings mean nothing."""

# Misskey makes copies without metadata of photos with EXIF or above 2048 px, and of all SVGs; notes
# have the address of the copy with the type of the original (DriveService.generateAlts).
_COPY, _THUMBNAIL = "webpublic-", "thumbnail-"
_COPIES = {JPEG: WEBP, "": WEBP, "image/svg+xml": WEBP}
"""The type of a copy by that of its original; other types stay, or no chat draws them."""

# Names that lead nowhere outside of a machine or a network:
# https://www.iana.org/assignments/special-use-domain-names
_INNER = frozenset(
    "local localhost localdomain internal intranet private corp home lan arpa invalid onion i2p"
    " docker test alt".split()
)
_ENDING = re.compile(r"\.([a-z0-9]{2,5})(?:[:;@!].*)?$")
_PORTS = {"http": {None, 80}, "https": {None, 443}}


@lru_cache(1024)
def draws(types: frozenset[str], image: Image) -> bool:
    """
    Whether a chat that draws these media types draws a picture.

    It can load it, and nothing says that it is of another type.
    """
    if not image.is_drawn or not is_reachable(image.url):
        return False
    return bool(types) and all(kind in types for kind in _kinds(image))


@lru_cache(1024)
def is_reachable(url: str) -> bool:
    """Whether a vendor's servers can load a file, judged by its address."""
    if not is_web(url):
        return False
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.port not in _PORTS.get(parts.scheme, ()) or not host:
        return False
    if (address := _ip(host)) is not None:
        return address.is_global and not address.is_multicast
    last = host.rpartition(".")[2]
    return "." in host and last not in _INNER and not last[:1].isdigit()


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _kinds(image: Image) -> Iterator[str]:
    """All types that a picture may have: by its metadata, its address and its query."""
    parts = urlsplit(image.url)
    name = unquote(parts.path).rstrip("/").rpartition("/")[2].strip().lower()
    ending = _by_ending(name)
    kind = image.type.partition(";")[0].strip().lower()
    kind = _ALIASES.get(kind, kind)
    if name.startswith(_COPY):
        kind = _COPIES.get(kind, kind)
    if name.startswith(_THUMBNAIL) and not kind:
        kind = ending or WEBP
    yield from filter(None, (kind, ending))
    yield from _converted(parts)


def _by_ending(name: str) -> str | None:
    match = _ENDING.search(name)
    return _BY_ENDING.get(match[1]) if match else None


def _converted(parts: SplitResult) -> Iterator[str]:
    """Kinds that the query asks a server of pictures to convert to: ``?format=webp``."""
    for _, value in parse_qsl(parts.query):
        last = re.split("[/,.]", value.strip().lower())[-1]
        if "://" not in value and (kind := _BY_ENDING.get(last)):
            yield kind
