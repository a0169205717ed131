// A WebSocket server of npm ws at one path: node ws.cjs PORT PATH
const { WebSocketServer } = require("ws");
const [port, path] = process.argv.slice(2);
new WebSocketServer({ host: "127.0.0.1", port: Number(port), path }).on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data) => socket.send(data));
});
