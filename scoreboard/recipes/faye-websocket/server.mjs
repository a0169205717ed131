// An echo server with faye-websocket.
import { createServer } from 'node:http'
import WebSocket from 'faye-websocket'

const server = createServer((request, response) => response.writeHead(404).end())
server.on('upgrade', (request, socket, body) => {
  if (!WebSocket.isWebSocket(request)) return socket.end()
  const ws = new WebSocket(request, socket, body)
  ws.on('message', (event) => ws.send(event.data))
})
server.listen(Number(process.argv[2]), '127.0.0.1')
