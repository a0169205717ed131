// An echo server with CivetWeb.
#include <civetweb.h>
#include <unistd.h>

static int message(struct mg_connection *connection, int bits, char *data, size_t size, void *user) {
  int opcode = bits & 0xf;
  if (opcode == MG_WEBSOCKET_OPCODE_PING) opcode = MG_WEBSOCKET_OPCODE_PONG;
  mg_websocket_write(connection, opcode, data, size);
  return (bits & 0xf) != MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE;
}

int main(int argc, char **argv) {
  const char *options[] = {"listening_ports", argv[1], "num_threads", "32", NULL};
  mg_init_library(MG_FEATURES_WEBSOCKET);
  struct mg_context *context = mg_start(NULL, NULL, options);
  if (context == NULL) return 1;
  mg_set_websocket_handler(context, "/", NULL, NULL, message, NULL, NULL);
  for (;;) pause();
}
