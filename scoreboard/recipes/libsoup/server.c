// An echo server with libsoup.
#include <libsoup/soup.h>
#include <stdlib.h>

static void message(SoupWebsocketConnection *connection, int type, GBytes *message, gpointer data) {
  soup_websocket_connection_send_message(connection, type, message);
}

static void opened(SoupServer *server, SoupServerMessage *msg, const char *path, SoupWebsocketConnection *connection, gpointer data) {
  g_signal_connect(connection, "message", G_CALLBACK(message), NULL);
  g_signal_connect(connection, "closed", G_CALLBACK(g_object_unref), NULL);
  g_object_ref(connection);
}

int main(int argc, char **argv) {
  SoupServer *server = soup_server_new(NULL, NULL);
  soup_server_add_websocket_handler(server, "/", NULL, NULL, opened, NULL, NULL);
  GError *error = NULL;
  if (!soup_server_listen_local(server, atoi(argv[1]), SOUP_SERVER_LISTEN_IPV4_ONLY, &error)) {
    g_printerr("%s\n", error->message);
    return 1;
  }
  g_main_loop_run(g_main_loop_new(NULL, FALSE));
}
