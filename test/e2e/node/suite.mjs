// suite.mjs: an ordinary test suite for the service at CHAT_URL (ws://...). With SUITE=failing one test
// fails. With SUITE=post one test makes a handshake by POST and expects a rejection.
import assert from 'node:assert'
import http from 'node:http'
import { once } from 'node:events'
import test from 'node:test'
import WebSocket from 'ws'

const url = process.env.CHAT_URL

test('messages come back', async () => {
  const ws = new WebSocket(url)
  await once(ws, 'open')
  for (const message of ['grüße', 'x'.repeat(1000)]) {
    ws.send(message)
    const [echo] = await once(ws, 'message')
    assert.equal(echo.toString(), message)
  }
  ws.close(1000)
  await once(ws, 'close')
})

test('several clients at a time', async () => {
  const all = Array.from({ length: 5 }, () => new WebSocket(url))
  await Promise.all(all.map((ws) => once(ws, 'open')))
  await Promise.all(all.map((ws) => (ws.close(1000), once(ws, 'close'))))
})

test('what this service cannot do', { skip: process.env.SUITE !== 'failing' }, () => assert.fail('it cannot'))

test('a handshake by POST is refused', { skip: process.env.SUITE !== 'post' }, async () => {
  const request = http.request(url.replace('ws:', 'http:'), {
    method: 'POST',
    headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' },
  }).end()
  const status = await new Promise((resolve, reject) => {
    request.on('upgrade', (response, socket) => (socket.destroy(), resolve(response.statusCode)))
    request.on('response', (response) => (response.resume(), resolve(response.statusCode)))
    request.on('error', reject)
  })
  assert.notEqual(status, 101)
})
