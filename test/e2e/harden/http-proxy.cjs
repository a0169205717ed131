// Express, with http-proxy in front of an unguarded backend at argv[3].
const { createServer } = require('http')
const express = require('express')
const httpProxy = require('http-proxy')
@{recipe "node"}@
const proxy = httpProxy.createProxyServer({ target: 'http://' + process.argv[3] })
const app = express()
app.use((req, res) => proxy.web(req, res))
const server = createServer(app)
@{if guarded}@
@{recipe "http-proxy"}@
@{else}@
server.on('upgrade', (req, socket, head) => { socket.on('error', () => {}); proxy.ws(req, socket, head) })
proxy.on('error', (err, req, res) => res.destroy())
@{end}@
server.listen(Number(process.argv[2]), '127.0.0.1')
