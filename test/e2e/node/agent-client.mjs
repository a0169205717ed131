// agent-client.mjs URL PROXY: opens a WebSocket through a proxy, given as a URL, with an agent. It sends
// a message, expects it back, and closes.
import assert from 'node:assert'
import { once } from 'node:events'
import { HttpsProxyAgent } from 'https-proxy-agent'
import WebSocket from 'ws'

const [url, proxy] = process.argv.slice(2)
const ws = new WebSocket(url, { agent: new HttpsProxyAgent(proxy) })
await once(ws, 'open')
ws.send('grüße')
const [echo] = await once(ws, 'message')
assert.equal(echo.toString(), 'grüße')
ws.close(1000)
const [code] = await once(ws, 'close')
assert.equal(code, 1000)
console.log('ok')
