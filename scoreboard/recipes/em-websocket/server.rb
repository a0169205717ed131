# An echo server with em-websocket.
require 'em-websocket'

EM.run do
  EM::WebSocket.run(host: '127.0.0.1', port: ARGV[0].to_i) do |ws|
    ws.onmessage { |message| ws.send(message) }
  end
end
