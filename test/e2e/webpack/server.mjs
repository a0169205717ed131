// Serves a project of webpack with the webpack-dev-server of a folder. It prints its port once the project
// is built, and ends with its standard input.
// usage: node webpack/server.mjs open|fixed PROJECT
import { createRequire } from 'module'

const [folder, project] = process.argv.slice(2)
const require = createRequire(new URL(`${folder}/package.json`, import.meta.url))
const webpack = require('webpack')
const Server = require('webpack-dev-server')

const compiler = webpack({
  mode: 'development',
  context: project,
  entry: './index.js',
  stats: 'errors-only',
  infrastructureLogging: { level: 'error' },
})
const built = new Promise((resolve, reject) => {
  compiler.hooks.done.tap('server', (stats) => (stats.hasErrors() ? reject(new Error(stats.toString('errors-only'))) : resolve()))
})
const server = new Server({ host: '127.0.0.1', port: 0, static: false }, compiler)
await Promise.all([server.start(), built])
console.log(server.server.address().port)
process.stdin.resume().on('end', () => process.exit())
