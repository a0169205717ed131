"""An echo server with gevent-websocket."""

import sys

from geventwebsocket import Resource, WebSocketApplication, WebSocketServer


class Echo(WebSocketApplication):
    def on_message(self, message):
        if message is not None:
            self.ws.send(message)


WebSocketServer(("127.0.0.1", int(sys.argv[1])), Resource([("/", Echo)])).serve_forever()
