// An echo server with crossws on Node.js.
import { serve } from 'crossws/server/node'

serve({
  port: Number(process.argv[2]),
  hostname: '127.0.0.1',
  websocket: {
    message (peer, message) { peer.send(message.text()) }
  },
  fetch: () => new Response('not found', { status: 404 })
})
