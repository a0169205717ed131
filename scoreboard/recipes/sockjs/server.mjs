// The raw WebSocket of SockJS.
import { createServer } from 'node:http'
import sockjs from 'sockjs'

const echo = sockjs.createServer({ log () {} })
echo.on('connection', (connection) => {
  connection.on('data', (message) => connection.write(message))
})
const server = createServer()
echo.installHandlers(server, { prefix: '/echo' })
server.listen(Number(process.argv[2]), '127.0.0.1')
