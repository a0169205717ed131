// echo-client.mjs URL [PROXY]: sends a text and a binary message of 1 MiB, expects both back unchanged, and
// closes. With a proxy (host:port) it connects by CONNECT.
import assert from 'node:assert'
import http from 'node:http'
import { once } from 'node:events'
import WebSocket from 'ws'

const [url, proxy] = process.argv.slice(2)

// tunnel opens a connection to the URL's host through the proxy.
async function tunnel() {
  const [host, port] = proxy.split(':')
  const request = http.request({ host, port, method: 'CONNECT', path: new URL(url).host }).end()
  const [response, socket] = await once(request, 'connect')
  assert.equal(response.statusCode, 200)
  return socket
}

const socket = proxy ? await tunnel() : undefined
const ws = new WebSocket(url, socket ? { createConnection: () => socket } : {})
await once(ws, 'open')
const large = Buffer.alloc(1 << 20, 'interlock ')
for (const message of ['grüße', large]) {
  ws.send(message)
  const [echo, isBinary] = await once(ws, 'message')
  assert.equal(isBinary, typeof message !== 'string')
  assert.ok(echo.equals(Buffer.from(message)), 'the echo is not what was sent')
}
ws.close(1000)
const [code] = await once(ws, 'close')
assert.equal(code, 1000)
console.log('ok')
