const { createServer } = require('http')
const { Server } = require('socket.io')
@{recipe "node"}@
const server = createServer((req, res) => res.end('ok'))
const io = new Server(server)
@{if guarded}@
@{recipe "socketio"}@
@{end}@
server.listen(Number(process.argv[2]), '127.0.0.1')
