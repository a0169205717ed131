// An echo server of Bun.
Bun.serve({
  port: Number(process.argv[2]),
  hostname: "127.0.0.1",
  fetch(request, server) {
    if (server.upgrade(request)) return;
    return new Response("Upgrade failed", { status: 500 });
  },
  websocket: {
    message(ws, message) { ws.send(message); },
  },
});
