"""Following the pages of an answer, in the four ways that services offer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.sdk import (
    Choice,
    Integer,
    InvalidInput,
    Json,
    LimitExceeded,
    Object,
    RemoteRejected,
    Text,
    json_of,
)

Send = Callable[[str, Mapping[str, Any]], Awaitable[httpx.Response]]

PAGING = Object(
    label="Pages",
    description="Follows the pages of an answer and returns the items of all of them as the body.",
    default=None,
    fields={
        "by": Choice(
            label="Way",
            description="link: the Link header. next_url: an address in the body. cursor: a value in the body that the "
            "next request sends. page: a number that goes up.",
            options=("link", "next_url", "cursor", "page"),
        ),
        "items": Text(label="Items", description="Path of the items in the body, such as data.items.", default=""),
        "next": Text(label="Next", description="Path of the next address or cursor in the body.", default=""),
        "param": Text(label="Parameter", description="Query parameter of the cursor or page number.", default="page"),
        "start": Integer(label="First number", default=1, minimum=0),
        "step": Integer(
            label="Step", description="1 for page numbers, the page size for offsets.", default=1, minimum=1
        ),
        "max_pages": Integer(label="Most pages", default=10, minimum=1, maximum=1_000),
        "max_bytes": Integer(label="Most bytes", default=10_000_000, minimum=1, maximum=100_000_000),
    },
)


@dataclass(slots=True)
class Pages:
    """The items of all pages. ``truncated`` says that there were more pages than allowed."""

    last: httpx.Response
    items: list[Json] = field(default_factory=list)
    count: int = 0
    truncated: bool = False


async def collect_pages(send: Send, url: str, query: Mapping[str, Any], *, paging: Mapping[str, Any]) -> Pages:
    """Request pages until there is no next one.

    Raises:
        LimitExceeded: All pages together are larger than ``max_bytes``.
        RemoteRejected: A page is not JSON, has no list of items, or points at another service or an earlier page.
    """
    if paging["by"] in ("next_url", "cursor") and not paging["next"]:
        raise InvalidInput(f'input "paginate.next" is missing; say where in the body the {paging["by"]} is')
    first = {paging["param"]: paging["start"]} if paging["by"] == "page" else {}
    pages = Pages(last=await send(url, {**query, **first}))
    seen: set[object] = set()
    size = 0
    while True:
        size += len(pages.last.content)
        if size > paging["max_bytes"]:
            raise LimitExceeded(
                f"the pages exceed {paging['max_bytes']} bytes; raise paginate.max_bytes or ask for less"
            )
        items = _items(pages.last, paging["items"])
        pages.items += items
        pages.count += 1
        following = _following(pages, items, paging)
        if following is None:
            return pages
        if following in seen:
            raise RemoteRejected("the pages repeat themselves; look at paginate.next and paginate.param")
        if pages.count >= paging["max_pages"]:
            pages.truncated = True
            return pages
        seen.add(following)
        if paging["by"] in ("link", "next_url"):
            pages.last = await send(str(following), {})  # it brings its own query
        else:
            pages.last = await send(url, {**query, paging["param"]: following})


def _following(pages: Pages, items: list[Json], paging: Mapping[str, Any]) -> str | int | None:
    """Return the next address, cursor or number, ``None`` at the end."""
    if paging["by"] == "page":
        return paging["start"] + pages.count * paging["step"] if items else None
    if paging["by"] == "cursor":
        cursor = _at(json_of(pages.last), paging["next"])
        return cursor if isinstance(cursor, str | int) and cursor not in ("", False) else None
    if paging["by"] == "link":
        link = pages.last.links.get("next", {}).get("url")
    else:
        link = _at(json_of(pages.last), paging["next"])
    return _same_service(pages.last, link) if isinstance(link, str) and link else None


def _same_service(response: httpx.Response, link: str) -> str:
    """Return the whole address of ``link``, which must not lead the credentials to somebody else."""
    here = response.request.url
    try:
        there = here.join(link)
    except (httpx.InvalidURL, ValueError) as exc:
        raise RemoteRejected(f'"{here.host}" names a next page that is not a URL') from exc
    if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
        raise RemoteRejected(f'"{here.host}" names a next page at "{there.host}"; credentials are not sent there')
    return str(there)


def _items(response: httpx.Response, path: str) -> list[Json]:
    items = _at(json_of(response), path)
    if items is None:
        return []
    if not isinstance(items, list):
        raise RemoteRejected(f'a page has no list at "{path or "the top"}"; look at paginate.items')
    return items


def _at(value: Json, path: str) -> Json:
    """Return what is at a dotted path, ``None`` where there is nothing."""
    for name in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
