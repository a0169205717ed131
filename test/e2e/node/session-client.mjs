// session-client.mjs LIBRARY: sends a message with a library and expects it back, through the proxy at
// INTERLOCK_URL.
import assert from 'node:assert'
import * as signalr from '@microsoft/signalr'
import { io } from 'socket.io-client'
import SockJS from 'sockjs-client'

const url = process.env.INTERLOCK_URL
const talk = {
  'socket.io': async () => {
    const socket = io(url)
    await new Promise((resolve) => socket.on('connect', resolve))
    if (socket.io.engine.transport.name !== 'websocket') {
      await new Promise((resolve) => socket.io.engine.once('upgrade', resolve))
    }
    const answer = new Promise((resolve) => socket.once('message', resolve))
    socket.emit('message', 'hello')
    assert.equal(await answer, 'hello')
    socket.close()
  },
  sockjs: async () => {
    const socket = new SockJS(url + '/echo', null, { transports: ['websocket'] })
    await new Promise((resolve) => (socket.onopen = resolve))
    const answer = new Promise((resolve) => (socket.onmessage = resolve))
    socket.send('hello')
    assert.equal((await answer).data, 'hello')
    socket.close()
    await new Promise((resolve) => (socket.onclose = resolve))
  },
  signalr: async () => {
    const hub = new signalr.HubConnectionBuilder()
      .withUrl(url + '/hub', signalr.HttpTransportType.WebSockets)
      .configureLogging(signalr.LogLevel.None)
      .build()
    await hub.start()
    assert.equal(await hub.invoke('Echo', 'hello'), 'hello')
    await hub.stop()
  },
}
await talk[process.argv[2]]()
