// Echoes every WebSocket message at any path. Like many programs it has no error listener, so the first
// protocol error ends the process. A handshake without Upgrade gets a 500 and ends it, too. It listens on
// the given port once it reads a line, prints the port, and ends with its standard input. With a second argument N it answers no
// handshake of another method than GET, and a handshake without Upgrade ends it once N of them wait.
import { createServer } from 'http'
import { WebSocketServer } from 'ws'

const [port, others = 0] = process.argv.slice(2).map(Number)
let waiting = 0
let ending = false
const end = () => ending && waiting >= others && process.exit(1)

const server = createServer((request, response) => {
  const ends = request.headers['sec-websocket-key'] !== undefined && request.headers.upgrade === undefined
  if (ends && others > 0) {
    ending = true
    end()
    return
  }
  response.writeHead(ends ? 500 : 426, { Upgrade: 'websocket', Connection: 'Upgrade' })
  response.end('no', () => ends && process.exit(1))
})
const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', (request, socket, head) => {
  if (others > 0 && request.method !== 'GET') {
    waiting++
    end()
    return
  }
  sockets.handleUpgrade(request, socket, head, (socket) => {
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
  })
})
process.stdin.once('data', () => server.listen(port, '127.0.0.1', () => console.log(server.address().port)))
process.stdin.resume().on('end', () => process.exit())
