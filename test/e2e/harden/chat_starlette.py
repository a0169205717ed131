import sys

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

@{recipe "asgi"}@

async def chat(ws):
    await ws.accept()
    async for text in ws.iter_text():
        await ws.send_text(text)

app = Starlette(routes=[WebSocketRoute("/chat", chat)])
@{if guarded}@
app = StrictUpgrade(app)
@{end}@
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
