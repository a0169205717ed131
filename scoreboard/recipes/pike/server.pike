// An echo server with Protocols.WebSocket of Pike.
void websocket(array(string) protocols, object request) {
  Protocols.WebSocket.Connection connection = request->websocket_accept(0);
  connection->onmessage = lambda(Protocols.WebSocket.Frame frame) { connection->send(frame); };
}

void http(Protocols.HTTP.Server.Request request) {
  request->response_and_finish((["error": 404]));
}

int main(int argc, array(string) argv) {
  Protocols.WebSocket.Port(http, websocket, (int)argv[1], "127.0.0.1");
  return -1;
}
