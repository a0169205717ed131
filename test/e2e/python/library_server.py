"""library_server.py NAME: echoes every message with websockets, aiohttp or tornado. It prints its port, and
ends with its standard input."""

import asyncio
import logging
import sys


async def websockets():
    from websockets.server import serve

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    server = await serve(echo, "127.0.0.1", 0)
    return server.sockets[0]


async def aiohttp():
    from aiohttp import WSMsgType, web

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/chat", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return site._server.sockets[0]


async def tornado():
    import tornado.netutil
    import tornado.web
    import tornado.websocket
    from tornado.httpserver import HTTPServer

    class Echo(tornado.websocket.WebSocketHandler):
        def get_compression_options(self):
            return {}

        def on_message(self, message):
            self.write_message(message, binary=isinstance(message, bytes))

    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    HTTPServer(tornado.web.Application([("/chat", Echo)])).add_sockets(sockets)
    return sockets[0]


async def main(start):
    logging.disable()
    socket = await start()
    print(socket.getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main({"websockets": websockets, "aiohttp": aiohttp, "tornado": tornado}[sys.argv[1]]))
