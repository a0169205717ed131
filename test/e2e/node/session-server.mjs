// session-server.mjs LIBRARY: serves a library whose handshakes name a session. socket.io and sockjs run
// unmodified; for sockjs, a client that disconnects at once leaves no connection. signalr follows ASP.NET Core:
// POST /hub/negotiate, then /hub?id=TOKEN, where a token is valid for one connection. Prints its port, and
// ends with its standard input.
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { Server } from 'socket.io'
import sockjs from 'sockjs'
import { WebSocketServer } from 'ws'

const server = http.createServer()
const serve = {
  'socket.io': () => {
    new Server(server).on('connection', (socket) => socket.on('message', (text) => socket.emit('message', text)))
  },
  sockjs: () => {
    const echo = sockjs.createServer({ log: () => {} })
    echo.on('connection', (conn) => conn?.on('data', (text) => conn.write(text)))
    echo.installHandlers(server, { prefix: '/echo' })
  },
  signalr: () => {
    const open = new Set()
    const separator = '\x1e'
    const sockets = new WebSocketServer({ noServer: true })
    server.on('request', (request, response) => {
      if (request.method !== 'POST' || !request.url.startsWith('/hub/negotiate')) {
        return response.writeHead(404).end()
      }
      const token = randomBytes(16).toString('base64url')
      open.add(token)
      const body = { negotiateVersion: 1, connectionId: randomBytes(16).toString('base64url'), connectionToken: token }
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ ...body, availableTransports: [{ transport: 'WebSockets', transferFormats: ['Text', 'Binary'] }] }))
    })
    server.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url, 'http://a/')
      if (url.pathname !== '/hub' || !open.delete(url.searchParams.get('id'))) {
        return socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      }
      sockets.handleUpgrade(request, socket, head, (ws) => {
        ws.once('message', () => {
          ws.send('{}' + separator) // the protocol is agreed on
          ws.on('message', (data) => {
            for (const text of data.toString().split(separator).filter(Boolean)) {
              const message = JSON.parse(text)
              if (message.type === 1) {
                ws.send(JSON.stringify({ type: 3, invocationId: message.invocationId, result: message.arguments[0] }) + separator)
              }
            }
          })
        })
        ws.on('error', () => ws.terminate())
      })
    })
  },
}
serve[process.argv[2]]()
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
