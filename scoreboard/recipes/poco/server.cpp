// An echo server with POCO, after its sample WebSocketServer.
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/WebSocket.h>
#include <unistd.h>
#include <cstdlib>

using namespace Poco::Net;

struct Echo : HTTPRequestHandler {
  void handleRequest(HTTPServerRequest &request, HTTPServerResponse &response) override {
    try {
      WebSocket ws(request, response);
      char buffer[1024];
      int flags, n;
      do {
        n = ws.receiveFrame(buffer, sizeof(buffer), flags);
        if ((flags & WebSocket::FRAME_OP_BITMASK) == WebSocket::FRAME_OP_PING)
          flags = WebSocket::FRAME_FLAG_FIN | WebSocket::FRAME_OP_PONG;
        ws.sendFrame(buffer, n, flags);
      } while (n > 0 && (flags & WebSocket::FRAME_OP_BITMASK) != WebSocket::FRAME_OP_CLOSE);
    } catch (WebSocketException &e) {
      switch (e.code()) {
      case WebSocket::WS_ERR_HANDSHAKE_UNSUPPORTED_VERSION:
        response.set("Sec-WebSocket-Version", WebSocket::WEBSOCKET_VERSION);
        [[fallthrough]];
      case WebSocket::WS_ERR_NO_HANDSHAKE:
      case WebSocket::WS_ERR_HANDSHAKE_NO_VERSION:
      case WebSocket::WS_ERR_HANDSHAKE_NO_KEY:
        response.setStatusAndReason(HTTPResponse::HTTP_BAD_REQUEST);
        response.setContentLength(0);
        response.send();
      }
    }
  }
};

struct Factory : HTTPRequestHandlerFactory {
  HTTPRequestHandler *createRequestHandler(const HTTPServerRequest &) override { return new Echo; }
};

int main(int, char **argv) {
  ServerSocket socket(SocketAddress("127.0.0.1", std::atoi(argv[1])));
  HTTPServer server(new Factory, socket, new HTTPServerParams);
  server.start();
  for (;;) pause();
}
