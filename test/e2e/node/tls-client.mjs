// tls-client.mjs URL CA CERT KEY: opens a WebSocket with a client certificate to a server whose certificate
// is signed by CA. It sends a message, expects it back, and closes.
import assert from 'node:assert'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import WebSocket from 'ws'

const [url, ca, cert, key] = process.argv.slice(2)
const ws = new WebSocket(url, { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) })
await once(ws, 'open')
ws.send('grüße')
const [echo] = await once(ws, 'message')
assert.equal(echo.toString(), 'grüße')
ws.close(1000)
const [code] = await once(ws, 'close')
assert.equal(code, 1000)
console.log('ok')
