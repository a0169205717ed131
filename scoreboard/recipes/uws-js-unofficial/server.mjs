// An echo server with uWebSockets.js.
import uws from '@trufflesuite/uws-js-unofficial'

uws.App().ws('/*', {
  message (ws, message, isBinary) { ws.send(message, isBinary) }
}).listen('127.0.0.1', Number(process.argv[2]), (socket) => {
  if (!socket) process.exit(1)
})
