"""What Cornflow still needs its legacy for: settings and rows that the port can't take over."""

import importlib.util
import inspect
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import func, select

_READS = re.compile(r"""getenv\(\s*["'](\w+)["']""")
_BCRYPT = "$2%"


async def leftovers() -> list[str]:
    """Settings and rows that the port can't take over, each in words with what to do."""
    from cornflow_f.config import Settings

    settings = Settings()
    texts = [*_settings_left(os.environ, Settings.model_fields)]
    return texts + await _rows_left(settings)


def _settings_left(environment: Mapping[str, str], fields: Mapping[str, Any]) -> Iterable[str]:
    """Variables that are set, that the legacy's configuration reads and the port's does not."""
    if importlib.util.find_spec("cornflow") is None:
        return
    from cornflow import config

    known = {field.alias or name.upper() for name, field in fields.items()}
    for name in sorted(set(_READS.findall(inspect.getsource(config))) - known):
        if name in environment:
            yield f"the variable {name} is set, and only the legacy reads it: see docs/bridge.md"


async def _rows_left(settings: Any) -> list[str]:
    from cornflow_f.database.engine import create_engine
    from cornflow_f.errors import CornflowError
    from cornflow_f.migration import run
    from cornflow_f.migration.state import RevisionError
    from cornflow_f.models import User, View
    from cornflow_f.views_table import views_for

    try:
        await run.check_ready(settings.database_url)
    except (RevisionError, CornflowError) as error:
        return [f"the database: {error}"]
    texts = []
    ours = {view.url_rule for view in views_for(settings)}
    engine = create_engine(settings.database_url, pool_size=1)
    try:
        async with engine.connect() as connection:
            foreign = (
                select(func.count())
                .select_from(User)
                .where(User.deleted_at.is_(None), User.password.is_not(None))
                .where(User.password.not_like(_BCRYPT))
            )
            count = await connection.scalar(foreign)
            if count:
                texts.append(
                    f"{count} users have passwords that are no bcrypt hashes: they can't log in at the "
                    "port, let them choose new ones"
                )
            rules = set((await connection.scalars(select(View.url_rule))).all())
    finally:
        await engine.dispose()
    for rule in sorted(rules - ours):
        texts.append(
            f"the view {rule} is in api_view and not in the port: permissions on it go unused"
        )
    return texts
