// Speaks HTTP/2 with Node's module http2: in plain text, or in TLS with a certificate and its key. It echoes WebSocket messages with ws in tunnels to
// /chat, and answers any other request with a page. With the first argument "offers", it sends
// SETTINGS_ENABLE_CONNECT_PROTOCOL; the others are the files of the certificate. It prints its port, and ends with its standard input.
import { readFileSync } from 'fs'
import { createSecureServer, createServer } from 'http2'
import { WebSocket } from 'ws'

const [offers, cert, key] = process.argv.slice(2)
const settings = { enableConnectProtocol: offers === 'offers' }
const server = cert ? createSecureServer({ settings, cert: readFileSync(cert), key: readFileSync(key) }) : createServer({ settings })
server.on('sessionError', () => {})
server.on('stream', (stream, headers) => {
  stream.on('error', () => {})
  if (headers[':method'] !== 'CONNECT') {
    const fields = { ':status': 200 }
    if (headers['x-il']) fields['x-il'] = headers['x-il']
    stream.respond(fields)
    stream.end('a page\n')
    return
  }
  if (headers[':protocol'] !== 'websocket' || headers[':path'] !== '/chat') {
    stream.respond({ ':status': headers[':protocol'] === 'websocket' ? 404 : 501 }, { endStream: true })
    return
  }
  if (headers['sec-websocket-version'] !== '13') {
    stream.respond({ ':status': 400, 'sec-websocket-version': '13' }, { endStream: true })
    return
  }
  stream.respond({ ':status': 200 })
  stream.setNoDelay = () => {}
  const socket = new WebSocket(null, undefined, {})
  socket.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 1 << 20, skipUTF8Validation: false })
  socket.on('error', () => {})
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
