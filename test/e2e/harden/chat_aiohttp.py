import sys

from aiohttp import WSMsgType, web

async def chat(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
    return ws

@{if guarded}@
@{recipe "aiohttp"}@
@{else}@
app = web.Application()
app.router.add_route("*", "/chat", chat)
@{end}@
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
