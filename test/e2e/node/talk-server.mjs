// Echoes every WebSocket message at any path, compressed. Prints its port, and ends with its standard input.
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 } })
server.on('listening', () => console.log(server.address().port))
server.on('connection', (socket) => {
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
})
process.stdin.resume().on('end', () => process.exit())
