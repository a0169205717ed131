// talk-client.mjs URL: sends compressed messages, one after the echo of the one before, and closes. It ends by
// itself if no echo comes.
import assert from 'node:assert'
import { once } from 'node:events'
import WebSocket from 'ws'

setTimeout(() => process.exit(3), 60_000).unref()
const ws = new WebSocket(process.argv[2], { perMessageDeflate: { threshold: 0 } })
await once(ws, 'open')
assert.match(ws.extensions, /permessage-deflate/)
const messages = []
for (let n = 0; n < 20; n++) messages.push(JSON.stringify({ type: 'chat', room: 'grüße', n, text: 'the same words again' }))
messages.push(Buffer.alloc(100_000, 'interlock '), 'a'.repeat(5_000), JSON.stringify({ type: 'last' }))
for (const message of messages) {
  ws.send(message)
  const [echo] = await once(ws, 'message')
  assert.ok(echo.equals(Buffer.from(message)), 'the echo is not what was sent')
}
ws.ping('are you there')
await once(ws, 'pong')
ws.close(1000, 'bye')
const [code] = await once(ws, 'close')
assert.equal(code, 1000)
console.log('ok')
