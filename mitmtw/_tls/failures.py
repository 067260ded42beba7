"""
Handshakes that failed: OpenSSL's reasons and what they mean for the person who reads about them.
"""

from typing import Final

from OpenSSL import SSL

from mitmtw.errors import TLSFailed

__all__ = ["CLIENT", "SERVER", "Peer", "failure_of", "openssl_text"]


class Peer:
    """
    Who is at the other end.

    @ivar name: What to call it in a sentence.
    @ivar words: What OpenSSL's reasons mean when this kind of peer causes them: the first pair whose first half is
        part of the reason.
    """

    __slots__ = ("name", "words")

    def __init__(self, name: str, words: tuple[tuple[str, str], ...]) -> None:
        self.name = name
        self.words = words


_DISTRUST: Final = "it does not accept our certificate: does it trust our root, or does it pin another certificate?"

_BOTH: Final = (
    ("alert protocol version", "it supports none of the TLS versions that are allowed"),
    ("unsupported protocol", "it supports none of the TLS versions that are allowed"),
    ("version too low", "it supports none of the TLS versions that are allowed"),
    ("wrong version number", "it does not speak TLS"),
    ("packet length too long", "it does not speak TLS"),
    ("http request", "it speaks plain HTTP, not TLS"),
    ("record layer failure", "it does not speak TLS"),
    ("no shared cipher", "we have no cipher suite in common"),
    ("insufficient security", "it finds our cipher suites too weak"),
    ("decrypt error", "it could not verify our side of the handshake"),
)

#: Reasons caused by a client.
CLIENT: Final = (
    ("alert unknown ca", "it does not trust our root certificate"),
    ("alert bad certificate", _DISTRUST),
    ("alert certificate unknown", _DISTRUST),
    ("alert certificate expired", "it finds our certificate expired: are both clocks right?"),
    ("alert unsupported certificate", "it does not accept certificates of our kind"),
    ("alert handshake failure", "it accepts none of our cipher suites"),
    ("alert no application protocol", "it accepts none of our application protocols"),
    *_BOTH,
)

#: Reasons caused by a server.
SERVER: Final = (
    ("alert certificate required", "it demands a client certificate (option client_certs)"),
    ("alert unknown ca", "it does not trust our client certificate"),
    ("alert bad certificate", "it does not accept our client certificate, or demands one (option client_certs)"),
    ("alert certificate unknown", "it does not accept our client certificate"),
    ("alert certificate expired", "it finds our client certificate expired"),
    ("unrecognized name", "it does not know the name that was asked for"),
    (
        "alert handshake failure",
        "it refused our offer: no common cipher suite, or it wants a name or a client certificate",
    ),
    ("alert no application protocol", "it speaks none of the application protocols that were offered"),
    ("alert internal error", "it reports an internal error"),
    ("key too small", "its key is too short to be secure (option ciphers_server)"),
    ("md too weak", "its certificate is signed with a digest that is broken (option ciphers_server)"),
    ("unsafe legacy renegotiation", "it is too old to be secure: it lacks RFC 5746"),
    *_BOTH,
)


def openssl_text(error: BaseException) -> str:
    """
    OpenSSL's own words for an error.

    @param error: What pyOpenSSL raised: its argument is a list of (library, function, reason), or a number and a word.
    """
    queue = error.args[0] if error.args else None
    if isinstance(queue, list):
        reasons = [str(entry[-1]) for entry in queue if entry]
        return "; ".join(dict.fromkeys(reasons)) or "no reason given"
    return " ".join(str(part) for part in error.args) or type(error).__name__


def failure_of(error: SSL.Error, peer: Peer, handshake_done: bool) -> TLSFailed:
    """
    Turn OpenSSL's error into ours.

    @param error: What pyOpenSSL raised.
    @param peer: Who is at the other end.
    @param handshake_done: Whether the handshake was over; a TLS 1.3 server judges the client certificate only after it.
    """
    text = openssl_text(error)
    reason = text.replace("/", " ").lower()
    meaning = next((words for part, words in peer.words if part in reason), None)
    if handshake_done and "alert" not in reason:
        meaning = None  # what is no TLS at the beginning is a damaged record later
    what = "TLS connection" if handshake_done else "TLS handshake"
    told = f"the {what} with {peer.name} failed"
    return TLSFailed(f"{told}: {meaning} [OpenSSL: {text}]" if meaning else f"{told} [OpenSSL: {text}]")
