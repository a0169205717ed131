// An echo Worker.
export default {
  async fetch (request) {
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('Expected Upgrade: websocket', { status: 426 })
    }
    const [client, server] = Object.values(new WebSocketPair())
    server.accept()
    server.addEventListener('message', (event) => server.send(event.data))
    return new Response(null, { status: 101, webSocket: client })
  }
}
