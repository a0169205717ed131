// The ws library's own way: every handshake that the library takes. Guarded, as docs/harden.md shows.
const { createServer } = require('http')
const { WebSocketServer } = require('ws')
@{recipe "node"}@
const server = createServer((req, res) => res.end('ok'))
@{if guarded}@
@{recipe "ws"}@
@{else}@
const wss = new WebSocketServer({ server })
wss.on('connection', (ws) => ws.on('error', () => {}))
@{end}@
wss.on('connection', (ws) => ws.on('message', (message, isBinary) => ws.send(message, { binary: isBinary })))
server.listen(Number(process.argv[2]), '127.0.0.1')
