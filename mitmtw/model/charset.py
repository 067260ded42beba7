"""
Media types and the character encoding of a text (RFC 9110 section 8.3, RFC 8259 section 8.1, WHATWG HTML 13.2.3, CSS
Syntax 3.2).
"""

import re

__all__ = ["charset_of", "parse_content_type"]

_PARAMETER = re.compile(r';[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^;,"]*)', re.S)

# A page says its own encoding in its first kilobyte, or not at all (WHATWG HTML 13.2.3.2).
_SNIFFED = 1024  # bytes
_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.I)
_XML = re.compile(rb"^\s*<\?xml[^>]+encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)")
_CSS = re.compile(rb'^@charset "([A-Za-z0-9_.:-]+)";')

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def parse_content_type(value: str) -> tuple[str, dict[str, str]]:
    """
    The media type in lower case, and its parameters: names in lower case, values unquoted; of a repeated one the first
    counts.
    """
    kind, _, _ = value.partition(";")
    parameters: dict[str, str] = {}
    for name, raw in _PARAMETER.findall(value):
        text = re.sub(r"\\(.)", r"\1", raw[1:-1], flags=re.S) if raw.startswith('"') else raw.strip()
        parameters.setdefault(name.lower(), text)
    return kind.strip().lower(), parameters


def charset_of(content_type: str, content: bytes) -> str:
    """
    The encoding in which a text is read and written: what Content-Type declares, else what the format or the content
    says about itself (byte order mark; JSON is UTF-8; HTML C{meta}, XML declaration, CSS C{@charset}), else UTF-8 if
    the content is that, else Latin-1.

    @param content_type: the field's value, maybe empty.
    @param content: the decoded content.
    @return: a name that may be unknown to Python when the message itself declares nonsense.
    """
    kind, parameters = parse_content_type(content_type)
    declared = parameters.get("charset", "").strip().lower()
    if not declared:
        declared = _own_word(kind, content)
    if declared in ("gb2312", "gbk"):
        return "gb18030"  # browsers read the superset, and so do the pages that claim the old name
    if declared:
        return declared
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _own_word(kind: str, content: bytes) -> str:
    """What the content says about its own encoding; empty when it says nothing."""
    for mark, name in _BOMS:
        if content.startswith(mark):
            return name
    if "json" in kind:
        return "utf-8"
    found = None
    head = content[:_SNIFFED]
    if "html" in kind:
        found = _META.search(head) or _XML.search(head)
    elif "xml" in kind:
        found = _XML.search(head)
    elif kind == "text/css":
        found = _CSS.search(head)
    if found is None:
        return ""
    name = found[1].decode("ascii").lower()
    # A declaration that could be read as ASCII is not in UTF-16, whatever it claims.
    return "utf-8" if name.startswith("utf-16") else name
