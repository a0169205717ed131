import asyncio
import sys

import tornado.web
import tornado.websocket

@{if guarded}@
@{recipe "tornado"}@
@{else}@
StrictWebSocketHandler = tornado.websocket.WebSocketHandler
@{end}@

class Chat(StrictWebSocketHandler):
    def on_message(self, message):
        self.write_message(message)

async def main():
    tornado.web.Application([(r"/chat", Chat)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()

asyncio.run(main())
