// An echo route of Hono with @hono/node-ws.
import { serve } from '@hono/node-server'
import { createNodeWebSocket } from '@hono/node-ws'
import { Hono } from 'hono'

const app = new Hono()
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app })
app.get('/', upgradeWebSocket(() => ({
  onMessage (event, ws) { ws.send(event.data) }
})))
injectWebSocket(serve({ fetch: app.fetch, port: Number(process.argv[2]), hostname: '127.0.0.1' }))
