module github.com/interlock-proxy/interlock/scoreboard

go 1.26.0
