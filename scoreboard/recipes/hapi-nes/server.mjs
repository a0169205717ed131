// The WebSocket of nes, for hapi.
import Hapi from '@hapi/hapi'
import Nes from '@hapi/nes'

const server = Hapi.server({ port: Number(process.argv[2]), host: '127.0.0.1' })
await server.register({ plugin: Nes, options: { heartbeat: false } })
server.route({ method: 'GET', path: '/h', handler: () => 'world' })
await server.start()
