"""Keyset pages: newest first, by id, from the last id of the page before."""

from typing import Any

from sqlalchemy import ColumnElement, Select

from engine.errors import InvalidRequest
from engine.model.base import is_id
from engine.repositories import Page


def paged(statement: Select[Any], key: ColumnElement[str], page: Page) -> Select[Any]:
    """Cut one page out of a list.

    Raises:
        InvalidRequest: ``after`` has not the form of an id.
    """
    if page.after is not None:
        if not is_id(page.after):
            raise InvalidRequest(
                f'"{page.after}" is not the id of a list\'s last entry; use the one of the page before'
            )
        statement = statement.where(key < page.after)
    return statement.order_by(key.desc()).limit(page.limit)
