package diagnose

// forwardUpgrades is how proxies are told to forward upgrades.
func forwardUpgrades() []Remedy {
	return []Remedy{
		{"nginx", `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; and, in http { }: map $http_upgrade $connection_upgrade { default upgrade; '' close; }`},
		{"Apache", `ProxyPass "/chat" "http://backend:8080/chat" upgrade=websocket (2.4.47 and later; before: mod_proxy_wstunnel)`},
		{"Envoy", `upgrade_configs: [{upgrade_type: websocket}] in the HttpConnectionManager`},
		{"HAProxy", `nothing to turn on in mode http: look for http-request del-header Upgrade or option httpclose`},
	}
}

// only are the remedies for one product.
func only(all []Remedy, product string) []Remedy {
	for _, r := range all {
		if r.Product == product {
			return []Remedy{r}
		}
	}
	return all
}
