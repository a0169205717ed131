package server

import "crypto/tls"

// tlsFlags are the flags with which interlock probe takes the certificate of a backend as Interlock does.
func tlsFlags(t *tls.Config) []string {
	switch {
	case t.InsecureSkipVerify:
		return []string{"--insecure"}
	case t.RootCAs != nil:
		return []string{"--ca-cert", "FILE"}
	}
	return nil
}
