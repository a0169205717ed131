// Echoes every WebSocket message, at any path, as many programs do: without an error listener, so that the first protocol
// error ends the process. A handshake without Upgrade gets a 500, and ends it too. Listens at the port that it is given, and
// says so; ends with its standard input.
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
