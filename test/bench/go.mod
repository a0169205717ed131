module github.com/interlock-proxy/interlock/test/bench

go 1.26.0

require (
	github.com/elazarl/goproxy v1.9.2
	github.com/interlock-proxy/interlock v0.0.0
	golang.org/x/net v0.62.0
	golang.org/x/sys v0.50.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	golang.org/x/text v0.44.0 // indirect
)

replace github.com/interlock-proxy/interlock => ../..
