// waiting-client.mjs: opens a WebSocket at CHAT_URL, prints open, and waits. On SIGTERM it closes cleanly
// and exits with status 42.
import { once } from 'node:events'
import WebSocket from 'ws'

const ws = new WebSocket(process.env.CHAT_URL)
await once(ws, 'open')
process.on('SIGTERM', async () => {
  ws.close(1001)
  await once(ws, 'close')
  process.exit(42)
})
console.log('open')
