"""Acme Desk: open tickets, find them, and close them.

Vendor API: https://developers.acme.example/v2 (60 requests a minute per key).
"""

from connectors.sdk import (
    ActionContext,
    ApiKeyAuth,
    Choice,
    Connector,
    Effect,
    Integer,
    InvalidInput,
    Json,
    List,
    RemoteRejected,
    Text,
)

PAGE_SIZE = 100

connector = Connector(
    key="acme_desk",
    label="Acme Desk",
    description="Tickets of an Acme Desk account.",
    base_url="https://api.acme.example/v2",
    auth=ApiKeyAuth(header="X-Api-Key"),
    config={
        "base_url": Text(
            label="API address",
            description="Only for a desk of your own; by default Acme's.",
            pattern=r"https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9/._-]*)?",
            default=None,
        )
    },
)


@connector.action(
    label="Open a ticket",
    inputs={
        "subject": Text(label="Subject", min_length=1, max_length=200),
        "body": Text(label="Body", multiline=True),
        "priority": Choice(label="Priority", options=("low", "normal", "high"), default="normal"),
        "tags": List(label="Tags", of=Text(label="Tag", pattern="[a-z0-9-]+"), default=None, max_items=20),
    },
    effect=Effect.KEYED,
)
async def open_ticket(ctx: ActionContext, *, subject: str, body: str, priority: str, tags: list[str] | None) -> Json:
    """Open one ticket and return it as Acme stored it.

    A retried step sends the same idempotency key, so Acme answers with the first ticket instead of opening a second
    one.
    """
    return await ctx.http.post(
        "/tickets",
        json={"subject": subject, "body": body, "priority": priority, "tags": tags or []},
        headers={"Idempotency-Key": ctx.idempotency_key},
    )


@connector.action(
    label="Find tickets",
    inputs={
        "text": Text(label="Text", description="Words that the subject or body holds.", default=None),
        "status": Choice(label="Status", options=("open", "closed", "any"), default="open"),
        "limit": Integer(label="Most tickets", minimum=1, maximum=1_000, default=PAGE_SIZE),
    },
    effect=Effect.IDEMPOTENT,
)
async def find_tickets(ctx: ActionContext, *, text: str | None, status: str, limit: int) -> Json:
    """Return the tickets that match, newest first."""
    found: list[Json] = []
    page = 1
    while len(found) < limit:
        answer = await ctx.http.get("/tickets", params={"q": text, "status": status, "page": page, "size": PAGE_SIZE})
        tickets = answer.get("tickets") if isinstance(answer, dict) else None
        if not isinstance(tickets, list):
            raise RemoteRejected("acme desk answered without a list of tickets")
        found += tickets
        page += 1
        if len(tickets) < PAGE_SIZE:
            break
    return found[:limit]


@connector.action(
    label="Close a ticket",
    inputs={
        "ticket_id": Text(label="Ticket", min_length=1),
        "reason": Text(label="Reason", default=None),
    },
    effect=Effect.IDEMPOTENT,
)
async def close_ticket(ctx: ActionContext, *, ticket_id: str, reason: str | None) -> Json:
    """Close a ticket; closing one that is closed already changes nothing."""
    if not ticket_id.isalnum():
        raise InvalidInput(f'"{ticket_id}" is not a ticket id; it has letters and digits only')
    return await ctx.http.put(f"/tickets/{ticket_id}/status", json={"status": "closed", "reason": reason})
