// An echo server with websocket.
import { createServer } from 'node:http'
import websocket from 'websocket'

const httpServer = createServer((request, response) => response.writeHead(404).end())
httpServer.listen(Number(process.argv[2]), '127.0.0.1')
const server = new websocket.server({ httpServer })
server.on('request', (request) => {
  const connection = request.accept(null, request.origin)
  connection.on('message', (message) => {
    message.type === 'utf8' ? connection.sendUTF(message.utf8Data) : connection.sendBytes(message.binaryData)
  })
})
