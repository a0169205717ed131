"""hypercorn_server.py ADDRESS CERT KEY: echoes WebSocket messages with Hypercorn, and answers any other request with a
page. It speaks TLS unless CERT is empty."""

import asyncio
import logging
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            kind = "bytes" if event.get("bytes") is not None else "text"
            await send({"type": "websocket.send", kind: event[kind]})
    elif scope["type"] == "http":
        echoed = [(name, value) for name, value in scope["headers"] if name == b"x-il"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")] + echoed})
        await send({"type": "http.response.body", "body": b"a page\n"})


async def main():
    config = Config()
    config.bind = [sys.argv[1]]
    config.certfile, config.keyfile = sys.argv[2] or None, sys.argv[3] or None
    config.errorlog = None
    config.loglevel = "CRITICAL"
    await serve(app, config)


logging.disable()
asyncio.run(main())
