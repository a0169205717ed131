// Echoes every WebSocket message at any path, with the package of the given name. It has error listeners,
// so only a hole of the package ends it. A second package takes the place of websocket-extensions, which
// websocket-driver requires. It prints its port, and ends with its standard input.
import { createServer } from 'http'
import Module, { createRequire } from 'module'

const [name, extensions] = process.argv.slice(2)
const require = createRequire(import.meta.url)
if (extensions) {
  const resolve = Module._resolveFilename
  Module._resolveFilename = (request, ...rest) =>
    request === 'websocket-extensions' ? require.resolve(extensions) : resolve(request, ...rest)
}
const library = require(name)

const server = createServer((request, response) => response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade' }).end())
if (library.Server) {
  new library.Server({ server }).on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (message) => socket.send(String(message)))
  })
} else {
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    const driver = new library(request, socket, head)
    driver.on('error', () => {})
    driver.on('message', (event) => driver.send(event.data))
  })
}
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
