module github.com/interlock-proxy/interlock/scoreboard/recipes/xnet

go 1.26.0

require golang.org/x/net v0.62.0
