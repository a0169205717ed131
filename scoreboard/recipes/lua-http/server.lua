-- An echo server with lua-http.
local http_server = require "http.server"
local http_headers = require "http.headers"
local websocket = require "http.websocket"

local server = assert(http_server.listen {
	host = "127.0.0.1",
	port = tonumber(arg[1]),
	onstream = function(_, stream)
		local headers = assert(stream:get_headers())
		local ws = websocket.new_from_stream(stream, headers)
		if not ws then
			local response = http_headers.new()
			response:append(":status", "400")
			assert(stream:write_headers(response, true))
			return
		end
		assert(ws:accept())
		for message, opcode in ws:each() do
			assert(ws:send(message, opcode))
		end
		ws:close()
	end,
	onerror = function() end,
})
assert(server:loop())
