package exit

// Untrusted is what to do about a certificate that a command does not accept.
const Untrusted = "name who has signed it with --ca-cert FILE, its host with --sni NAME, or do without with --insecure"
