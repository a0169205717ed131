// A Socket.IO server: node socketio.cjs PORT
const server = require("http").createServer();
new (require("socket.io").Server)(server);
server.listen(Number(process.argv[2]), "127.0.0.1");
