"""What time it is, for columns: naive, as the clock of the database's time zone shows it.

The legacy's driver sends PostgreSQL times with their offset, and the server turns them into those of
the session's `TimeZone` before it stores them without one. On SQLite the same code stores UTC.
"""

from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cornflow_f.errors import ConfigurationError

_zone: ContextVar[tzinfo] = ContextVar("zone_of_the_database", default=UTC)


def use_zone(zone: tzinfo) -> None:
    """From here on, in this task, `database_now` means this zone. A session says so when it opens."""
    _zone.set(zone)


def zone_named(name: str) -> tzinfo:
    """The zone that PostgreSQL calls so. Raises ConfigurationError when it is none of the IANA's."""
    if name.upper() in ("UTC", "ETC/UTC", "GMT"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"The database's time zone is '{name}', whose rules are not known here. Give it a name of "
            "the IANA's list: ALTER DATABASE ... SET timezone TO 'Europe/Madrid' (or 'UTC')"
        ) from error


def database_now() -> datetime:
    """Now, as a row says it."""
    return in_database(datetime.now(UTC))


def in_database(moment: datetime) -> datetime:
    """An aware time as a row says it; one before the year 1 or after 9999 as the first or last there is."""
    try:
        return moment.astimezone(_zone.get()).replace(tzinfo=None)
    except OverflowError:
        return datetime.max if moment.year > 1 else datetime.min


def utcnow() -> datetime:
    """Now, naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
