"""
The one tree of exceptions.

Each error that can end an exchange knows the HTTP status that tells a client about it (C{http_status}), and its
message is a sentence that a person can read on an error page or in a log line. Nothing here imports anything of ours.
"""

__all__ = [
    "AddonError",
    "AuthorityError",
    "BodyTooLarge",
    "CertificateRejected",
    "ClientGone",
    "ConnectFailed",
    "ConnectRefused",
    "ConnectTimedOut",
    "HookTimedOut",
    "Killed",
    "LocalProtocolError",
    "LoopDetected",
    "MitmtwError",
    "NameNotFound",
    "OptionsError",
    "PolicyApplied",
    "ProtocolError",
    "RemoteProtocolError",
    "ResponseTimedOut",
    "StopChain",
    "TLSFailed",
    "UpstreamClosed",
]


class MitmtwError(Exception):
    """Root of all errors that this package raises on purpose."""

    #: The status of the page that tells a client about it (RFC 9110 section 15.6).
    http_status: int = 502


class OptionsError(MitmtwError):
    """An option is unknown, or its value is not acceptable; the message names the option and what it accepts."""


class AddonError(MitmtwError):
    """An addon or script cannot be loaded; the message says which and why in one line."""


class AuthorityError(MitmtwError):
    """The certificate authority's files cannot be read, written or used."""


class StopChain(Exception):
    """Raised by a handler to end the chain for this event: addons after it do not see the event."""


class ProtocolError(MitmtwError):
    """Bytes or values that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """
    We, or an addon, tried to write something that the protocol does not allow (a blank in a method, CR in a value).
    """


class RemoteProtocolError(ProtocolError):
    """
    The peer broke the protocol.

    @ivar http_status: what to answer when the peer is a client: 400, or 413, 414, 431, 501, 505 where that says more.
    """

    def __init__(self, message: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.http_status = http_status


class BodyTooLarge(ProtocolError):
    """A body is larger than C{body_size_limit}: 413 for a request, 502 for a response."""

    def __init__(self, message: str, http_status: int = 413) -> None:
        super().__init__(message)
        self.http_status = http_status


class ClientGone(MitmtwError):
    """The client went away (reset, hang-up, write error) before its exchange was over."""


class Killed(MitmtwError):
    """The flow was killed by an addon; both sides are aborted."""


class PolicyApplied(Killed):
    """The flow was killed because an addon failed whose failure policy is C{kill}."""


class HookTimedOut(MitmtwError):
    """A handler did not answer within C{hook_timeout}."""


class UpstreamClosed(MitmtwError):
    """The server closed the connection before its response was whole."""


class ConnectFailed(MitmtwError):
    """The server cannot be reached; subclasses say why."""


class ConnectRefused(ConnectFailed):
    """The server refused the connection, or the network is unreachable."""


class ConnectTimedOut(ConnectFailed):
    """The connection was not established within C{connect_timeout}."""

    http_status = 504


class NameNotFound(ConnectFailed):
    """The server's name cannot be resolved."""


class LoopDetected(ConnectFailed):
    """The request asks the proxy to connect to itself."""

    http_status = 508


class TLSFailed(ConnectFailed):
    """The TLS handshake with the server failed."""


class CertificateRejected(TLSFailed):
    """The server's certificate was not accepted: chain or name."""


class ResponseTimedOut(MitmtwError):
    """The server did not send what was awaited in time."""

    http_status = 504
