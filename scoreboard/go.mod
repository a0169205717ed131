module github.com/interlock-proxy/interlock/scoreboard

go 1.26.0

require github.com/interlock-proxy/interlock v0.0.0

require golang.org/x/net v0.62.0

replace github.com/interlock-proxy/interlock => ../
