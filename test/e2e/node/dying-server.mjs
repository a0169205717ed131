// Echoes every WebSocket message at any path. Like many programs it has no error listener, so the first
// protocol error ends the process. A handshake without Upgrade gets a 500 and ends it, too. It listens on
// the given port, prints it, and ends with its standard input.
import { createServer } from 'http'
import { WebSocketServer } from 'ws'

const server = createServer((request, response) => {
  const ends = request.headers['sec-websocket-key'] !== undefined && request.headers.upgrade === undefined
  response.writeHead(ends ? 500 : 426, { Upgrade: 'websocket', Connection: 'Upgrade' })
  response.end('no', () => ends && process.exit(1))
})
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
})
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
