"""
Dates in HTTP (RFC 9110 section 5.6.7): the preferred form is written, the three known ones are read, whatever the
locale.
"""

import re
from calendar import timegm
from time import gmtime

__all__ = ["format_date", "parse_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# "Sun, 06 Nov 1994 08:49:37 GMT" and "Sunday, 06-Nov-94 08:49:37 GMT"; cookies mix the two.
_DATED = re.compile(r"[A-Za-z]+, (\d\d?)[ -]([A-Z][a-z]{2})[ -](\d{4}|\d\d) (\d\d):(\d\d):(\d\d) (?:GMT|UTC)")
# "Sun Nov  6 08:49:37 1994"
_ASCTIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})")


def format_date(seconds: float) -> str:
    """
    The preferred form, C{Sun, 06 Nov 1994 08:49:37 GMT}.

    @param seconds: since the epoch.
    """
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_date(text: str) -> int | None:
    """Seconds since the epoch, or None when that is no date."""
    text = text.strip()
    if found := _DATED.fullmatch(text):
        day, month, year, hour, minute, second = found.groups()
    elif found := _ASCTIME.fullmatch(text):
        month, day, hour, minute, second, year = found.groups()
    else:
        return None
    if month not in _MONTHS:
        return None
    century = int(year)
    if len(year) == 2:
        century += 1900 if century >= 70 else 2000  # RFC 6265 section 5.1.1
    return timegm((century, _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)))
