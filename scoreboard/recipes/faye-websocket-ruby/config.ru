# An echo application with faye-websocket on Puma.
require 'faye/websocket'

run lambda { |env|
  next [404, {}, []] unless Faye::WebSocket.websocket?(env)

  ws = Faye::WebSocket.new(env)
  ws.on(:message) { |event| ws.send(event.data) }
  ws.rack_response
}
