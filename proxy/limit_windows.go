package proxy

// descriptorLimit is how many handles for sockets the process uses at most. Windows itself sets no
// such limit.
func descriptorLimit() int { return 1 << 16 }
