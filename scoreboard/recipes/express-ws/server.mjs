// An echo route with express-ws.
import express from 'express'
import expressWs from 'express-ws'

const { app } = expressWs(express())
app.ws('/', (socket) => {
  socket.on('message', (message) => socket.send(message))
})
app.listen(Number(process.argv[2]), '127.0.0.1')
