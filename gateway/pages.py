"""Small pages for people who follow a link: no script, nothing loaded from anywhere, every text escaped."""

import base64
import hashlib
from html import escape

from starlette.requests import Request
from starlette.responses import Response

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:3rem auto;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.4rem}label{display:block;margin:1rem 0 .25rem;font-weight:600}"
    "input:not([type=checkbox]),select,textarea{width:100%;box-sizing:border-box;font:inherit;padding:.4rem}"
    "button{font:inherit;padding:.5rem 1.2rem;margin:1.2rem .6rem 0 0}"
    ".note{color:#57606a}.wrong{color:#a40e26}pre{white-space:pre-wrap;background:#f6f8fa;padding:.6rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def page(title: str, *parts: str, status: int = 200) -> Response:
    """Return a page. ``title`` is text; ``parts`` are HTML whose own texts the caller has escaped, as ``text`` does."""
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
    body = "\n".join((f"<h1>{escape(title)}</h1>", *parts))
    html = f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    return Response(html, status_code=status, media_type="text/html", headers=HEADERS)


def text(content: str, *, kind: str = "") -> str:
    """Return a paragraph; ``kind`` is ``note`` or ``wrong``."""
    marked = f' class="{kind}"' if kind else ""
    return f"<p{marked}>{escape(content)}</p>"


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks."""
    return "text/html" in request.headers.get("accept", "")
