"""An echo server with trio-websocket."""

import sys

import trio
from trio_websocket import ConnectionClosed, serve_websocket


async def echo(request):
    ws = await request.accept()
    while True:
        try:
            await ws.send_message(await ws.get_message())
        except ConnectionClosed:
            return


trio.run(serve_websocket, echo, "127.0.0.1", int(sys.argv[1]), None)
