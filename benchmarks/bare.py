"""The yardstick: the smallest Starlette application on the server that Patchbay runs on. Run with a port."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def answer(request: Request) -> Response:
    """Read the whole body and say a little, as a hook does; no parsing, no storing."""
    return JSONResponse({"bytes": len(await request.body()), "fate": "forgotten"}, status_code=202)


def main() -> None:
    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
