module github.com/interlock-proxy/interlock/scoreboard/recipes/coder

go 1.26.0

require github.com/coder/websocket v1.8.15
