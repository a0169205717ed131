// http-proxy as its documentation has it: node proxy.cjs PORT BACKEND
const [port, backend] = process.argv.slice(2);
const proxy = require("http-proxy").createProxyServer({ target: "http://" + backend, ws: true });
proxy.on("error", (error, request, response) => {
  if (response.writeHead) response.writeHead(502);
  response.end();
});
const server = require("http").createServer((request, response) => proxy.web(request, response));
server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head));
server.listen(Number(port), "127.0.0.1");
