"""
The options of the core: what every connection, exchange and hook is bounded by.

Each number says where it comes from. Addons declare their own options when they are loaded.
"""

from mitmtw.option_types import BOOL, CHOICE, INT, PATH, SECONDS, SEQUENCE, SIZE, STR
from mitmtw.options import Option, Options

__all__ = ["core_options"]

# The names of TLS versions that users of other intercepting proxies know.
_TLS_VERSIONS = ("UNBOUNDED", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3")


def _seconds(name: str, default: float, text: str) -> Option:
    return Option(name, SECONDS, default, text, unit="seconds")


_HOOKS = (
    # A person or a remote service may answer within a minute; longer waits are for flows that are intercepted.
    _seconds("hook_timeout", 60.0, "How long an addon may take to answer one event; 0 = no limit."),
    # A tenth of hook_timeout or less, so that the log says what is slow well before it is cancelled.
    _seconds("hook_slow_warning", 5.0, "An addon that takes longer for one event is named in the log; 0 = never."),
    _seconds("tick_interval", 0.1, "How often addons get their tick event."),
    _seconds("drain_timeout", 5.0, "How long flows in progress may go on when the proxy stops; then they are killed."),
    Option(
        "reload_scripts", BOOL, True, "Load a script anew when its file, or a module beside it that it uses, changes."
    ),
    _seconds("done_timeout", 5.0, "How long one addon may take for its done event when the proxy stops."),
)

_BODIES = (
    # Sizes of the hook contract: large enough for API bodies and pictures, small enough for a thousand at once.
    Option(
        "stream_large_bodies",
        SIZE,
        64 * 1024**2,
        "Bodies larger than this are relayed as they come instead of being collected for addons; 0 = never.",
        unit="bytes",
    ),
    Option(
        "body_size_limit",
        SIZE.optional(),
        None,
        "Larger bodies are refused: a request with 413, a response with 502.",
        unit="bytes",
    ),
    Option(
        "collected_bytes_limit",
        SIZE.optional(),
        None,
        "All bodies being collected together may take this much, then further ones are relayed as they come; "
        "none = a quarter of the memory.",
        unit="bytes",
    ),
)

_MESSAGES = (
    Option(
        "message_history_count",
        INT,
        1000,
        "How many WebSocket or TCP messages a flow keeps; older ones are forgotten, 0 keeps none.",
        unit="messages",
        minimum=0,
    ),
    Option(
        "message_history_bytes",
        SIZE,
        16 * 1024**2,
        "How much the WebSocket or TCP messages that a flow keeps may hold together; 0 keeps none.",
        unit="bytes",
    ),
    # Twice what large chat and collaboration services allow; browsers set no limit of their own.
    Option(
        "websocket_max_message", SIZE, 64 * 1024**2, "A WebSocket message may not be larger, inflated.", unit="bytes"
    ),
    Option(
        "websocket_max_frame",
        SIZE.optional(),
        None,
        "A WebSocket frame may not be larger; none = as a message.",
        unit="bytes",
    ),
)

_LIMITS = (
    # 64 KiB and 500: a browser sends below 8 KiB; nginx takes 4 x 8 KiB, Apache 100 fields, Squid 64 KiB.
    Option("max_head_bytes", SIZE, 64 * 1024, "A request or response head may not be larger.", unit="bytes"),
    Option("max_fields", INT, 500, "A head may not have more fields.", unit="fields", minimum=1),
)

_HTTP = (Option("http2", BOOL, False, "Speak HTTP/2 with clients that offer it, and for them with servers that do."),)

_CLIENT = (
    # nginx: keepalive_timeout 75 s.
    _seconds("client_idle_timeout", 75.0, "How long a client connection may stay idle between two requests."),
    # nginx: client_header_timeout 60 s. Against clients that send their head one byte at a time.
    _seconds("request_head_timeout", 60.0, "How long a client may take to send a request head once it began."),
    Option(
        "abort_on_half_close",
        BOOL,
        False,
        "A client that closes its sending side after a whole request is taken as gone, instead of being answered.",
    ),
    # A server that greets does so after one round trip; a client that talks has done so in that time.
    _seconds(
        "server_first_delay",
        0.3,
        "How long a silent client is waited for before the server is asked whether it speaks first.",
    ),
    Option(
        "tcp_hosts",
        SEQUENCE,
        (),
        "Regular expressions on host:port: what matches is not read as HTTP but passed on as TCP messages; TLS is "
        "intercepted all the same.",
    ),
    # Ten minutes, as users of other intercepting proxies know it.
    _seconds("tcp_timeout", 600.0, "How long a tunnel or TCP connection may stay without a byte in any direction."),
)

_UPSTREAM = (
    Option(
        "connection_strategy",
        CHOICE,
        "lazy",
        "When to connect to the server of a CONNECT: lazy = when something must go there, "
        "eager = before CONNECT is answered.",
        choices=("lazy", "eager"),
    ),
    # RFC 6298 section 2: SYNs go out after 0, 1, 3 and 7 s; the answer to the fourth still counts.
    _seconds("connect_timeout", 10.0, "How long one attempt to connect to a server may take."),
    # Twice the 60 s of nginx's proxy_read_timeout: long polls, which answer within a minute, go through.
    _seconds("response_head_timeout", 120.0, "How long a server may take to begin its answer; 0 = no limit."),
    # Below the 60 s after which servers and load balancers commonly close, so that we are the first to close.
    _seconds("upstream_idle_timeout", 55.0, "How long an unused connection to a server is kept for the next request."),
    Option(
        "upstream_pool",
        CHOICE,
        "shared",
        "Who may reuse a connection to a server: shared = every client, client = the one that made it, off = nobody.",
        choices=("shared", "client", "off"),
    ),
    # A browser opens up to six connections to a host: this keeps those of five browsers.
    Option("upstream_pool_size", INT, 32, "How many unused connections are kept per server.", "connections", minimum=0),
    # A quarter of the 1024 file descriptors that a process commonly may have.
    Option("upstream_pool_total", INT, 256, "How many unused connections are kept in all.", "connections", minimum=0),
    Option("via_header", BOOL, False, "Add a Via field to what is forwarded (RFC 9110 section 7.6.3)."),
    Option("x_forwarded_for", BOOL, False, "Add the client's address to the X-Forwarded-For field of requests."),
    Option("keep_host_header", BOOL, False, "In reverse mode, leave the Host field as the client sent it."),
)

_TLS = (
    Option("confdir", PATH, "~/.mitmtw", "The directory of config.toml and of the certificate authority."),
    Option(
        "ca_key_type",
        CHOICE,
        "ec",
        "The key of a certificate authority that is made at the first start: ec = P-256, rsa = RSA 2048.",
        choices=("ec", "rsa"),
    ),
    Option(
        "ca_passphrase",
        STR.optional(),
        None,
        "The passphrase of the certificate authority's key; better in config.toml than on a command line.",
        aliases=("cert_passphrase",),
    ),
    # Enough for a server on a slow link whose certificate is fetched before the client gets one.
    _seconds("tls_handshake_timeout", 30.0, "How long a TLS handshake may take, on either side."),
    Option(
        "upstream_ca",
        PATH.optional(),
        None,
        "The certificate authorities to trust for servers instead of the system's: a PEM file, or a directory that "
        "`openssl rehash` made.",
        aliases=("ssl_verify_upstream_trusted_ca",),
    ),
    Option(
        "upstream_insecure",
        BOOL,
        False,
        "Do not verify the certificates of servers.",
        aliases=("ssl_insecure",),
    ),
    Option(
        "upstream_cert",
        BOOL,
        False,
        "Connect to the server first, and take the names in its certificate into the one shown to the client.",
    ),
    Option(
        "client_certs",
        PATH.optional(),
        None,
        "A PEM file with certificate and key for every server that asks for one, or a directory with one "
        "HOST.pem a server.",
    ),
    *(
        Option(
            f"tls_version_{side}_{bound}",
            CHOICE,
            "TLS1_2" if bound == "min" else "UNBOUNDED",
            f"The {word} TLS version on connections {peer}.",
            choices=_TLS_VERSIONS,
        )
        for side, peer in (("client", "from clients"), ("server", "to servers"))
        for bound, word in (("min", "lowest"), ("max", "highest"))
    ),
    Option("ciphers_client", STR.optional(), None, "The ciphers on connections from clients, as OpenSSL writes them."),
    Option("ciphers_server", STR.optional(), None, "The ciphers on connections to servers, as OpenSSL writes them."),
)

_LOG = (
    Option(
        "termlog_verbosity",
        CHOICE,
        "info",
        "The least level of messages that mitmtw run prints.",
        choices=("debug", "info", "warn", "error"),
    ),
)


def core_options() -> Options:
    """Make a new registry that holds the core's options with their defaults."""
    return Options((*_HOOKS, *_BODIES, *_MESSAGES, *_LIMITS, *_HTTP, *_CLIENT, *_UPSTREAM, *_TLS, *_LOG))
