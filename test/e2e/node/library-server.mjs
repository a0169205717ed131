// Echoes every message with the package of the given name: ws, websocket or faye-websocket. Every error has a
// listener, as in a program that is to survive bad frames. It prints its port, and ends with its standard input.
import { createServer } from 'http'
import { createRequire } from 'module'

const name = process.argv[2]
const library = createRequire(import.meta.url)(name)
const server = createServer((request, response) => response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade' }).end())

const start = {
  ws () {
    new library.WebSocketServer({ server, perMessageDeflate: true }).on('connection', (socket) => {
      socket.on('error', () => {})
      socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
    })
  },
  websocket () {
    new library.server({ httpServer: server }).on('request', (request) => {
      const connection = request.accept(null, request.origin)
      connection.on('error', () => {})
      connection.on('message', (message) => {
        message.type === 'utf8' ? connection.sendUTF(message.utf8Data) : connection.sendBytes(message.binaryData)
      })
    })
  },
  'faye-websocket' () {
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {})
      const connection = new library(request, socket, head)
      connection.on('error', () => {})
      connection.on('message', (event) => connection.send(event.data))
    })
  }
}
start[name]()
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
