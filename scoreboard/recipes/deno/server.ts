// An echo server of Deno.
Deno.serve({ port: Number(Deno.args[0]), hostname: "127.0.0.1" }, (request) => {
  if (request.headers.get("upgrade") !== "websocket") {
    return new Response(null, { status: 426 });
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.addEventListener("message", (event) => socket.send(event.data));
  return response;
});
