module github.com/interlock-proxy/interlock/scoreboard/recipes/gobwas

go 1.26.0

require github.com/gobwas/ws v1.5.0

require github.com/gobwas/httphead v0.1.0 // indirect
