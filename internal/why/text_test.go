package why

import "github.com/interlock-proxy/interlock/internal/terminal"

// plain writes without colours and without symbols.
func plain() *terminal.Console { return &terminal.Console{ASCII: true} }
