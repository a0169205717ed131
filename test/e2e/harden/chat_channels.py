import sys

import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="test", INSTALLED_APPS=[])
django.setup()

from channels.generic.websocket import WebsocketConsumer
from channels.routing import URLRouter
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.urls import re_path

@{recipe "asgi"}@

class Chat(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data, bytes_data=bytes_data)

class Sockets:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

app = URLRouter([re_path("^chat$", Chat.as_asgi())])
@{if guarded}@
app = StrictUpgrade(app)
@{end}@
Server(Sockets(app), endpoints=build_endpoint_description_strings(host="127.0.0.1", port=int(sys.argv[1])), signal_handlers=False, verbosity=0).run()
