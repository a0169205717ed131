// An echo route with @fastify/websocket.
import fastify from 'fastify'
import websocket from '@fastify/websocket'

const server = fastify()
await server.register(websocket)
server.get('/', { websocket: true }, (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
})
await server.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
