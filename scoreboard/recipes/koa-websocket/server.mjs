// An echo server with koa-websocket.
import Koa from 'koa'
import websockify from 'koa-websocket'

const app = websockify(new Koa())
app.ws.use((context) => {
  context.websocket.on('message', (message) => context.websocket.send(message))
})
app.listen(Number(process.argv[2]), '127.0.0.1')
