// The WebSocket transport of Engine.IO, which Socket.IO uses.
import { createServer } from 'node:http'
import { attach } from 'engine.io'

const httpServer = createServer((request, response) => response.writeHead(404).end())
attach(httpServer).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(data))
})
httpServer.listen(Number(process.argv[2]), '127.0.0.1')
