"""An echo server with ws4py and wsgiref."""

import sys
from wsgiref.simple_server import make_server

from ws4py.server.wsgirefserver import WSGIServer, WebSocketWSGIRequestHandler
from ws4py.server.wsgiutils import WebSocketWSGIApplication
from ws4py.websocket import EchoWebSocket

app = WebSocketWSGIApplication(handler_cls=EchoWebSocket)
server = make_server("127.0.0.1", int(sys.argv[1]), app, server_class=WSGIServer, handler_class=WebSocketWSGIRequestHandler)
server.initialize_websockets_manager()
server.serve_forever()
