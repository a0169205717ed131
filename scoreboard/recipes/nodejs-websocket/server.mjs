// An echo server with nodejs-websocket, which reads the handshake by itself.
import ws from 'nodejs-websocket'

ws.createServer((connection) => {
  connection.on('error', () => {})
  connection.on('text', (text) => connection.sendText(text))
}).listen(Number(process.argv[2]), '127.0.0.1')
