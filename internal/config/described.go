package config

// A description explains a key. Its type, default and place come from the configuration itself.
type description struct {
	path, text, flag, example string
	values                    []string
}

// described lists the top-level keys and those about backends, in the order of the annotated file.
func described() []description {
	var all []description
	for _, part := range [][]description{describedBackend(), describedListeners(), describedForward(), describedRecords(), describedLimits(), describedRules(), describedFindings()} {
		all = append(all, part...)
	}
	return all
}

func describedBackend() []description {
	return []description{
		{path: "backend", flag: "backend", example: "http://127.0.0.1:3000", text: "The backend to audit: an http or https URL with a host and a port, or unix: and the path of a socket. Several addresses, separated by commas, are used in turn; an address that refuses connections is skipped."},
		{path: "backend_tls", text: "TLS to an https backend."},
		{path: "backend_tls.ca", flag: "backend-ca", example: "/etc/ssl/staging-ca.pem", text: "PEM file with the certificate authorities to trust. Empty: those of the system."},
		{path: "backend_tls.cert", flag: "backend-cert", text: "PEM file with the client certificate to show to the backend."},
		{path: "backend_tls.key", flag: "backend-key", text: "PEM file with the private key of that certificate."},
		{path: "backend_tls.server_name", example: "staging.example", text: "The name to send in SNI and to verify. Empty: the host of the backend."},
		{path: "backend_tls.insecure", flag: "insecure", text: "Do not verify the backend's TLS certificate. A warning is logged."},
		{path: "backend_tls.min_version", values: tlsVersions(), example: `"1.0"`, text: "The oldest TLS version to use. Empty: 1.2."},
		{path: "dial", values: []string{DialLazy, DialEager}, text: "When to connect to the backend. lazy: at the client's first byte. eager: as soon as a client connects, for clients that connect and wait and for backends that time the handshake."},
		{path: "frames", flag: "frames", values: frameModes(), text: "What to read of WebSocket tunnels. facts: the head of each frame, control frames, and whether text is UTF-8, to the end of the tunnel; no payload is kept. Of h2c tunnels: the head of each HTTP/2 frame, and settings and error codes. messages: that, and the last messages of each WebSocket tunnel are kept, without their values unless evidence.keep is full. off: only the first bytes after the 101."},
		{path: "send_proxy", text: "Send the client's address to the backend in a PROXY protocol header, version 1 or 2. 0: do not send one. Rulings are marked altered: [proxy-protocol]."},
		{path: "host", flag: "host", example: "staging.example", text: "The value of the Host header that the backend gets. Empty: the client's own. Rulings are marked altered: [host]."},
	}
}

func tlsVersions() []string { return []string{"1.0", "1.1", "1.2", "1.3"} }

func describedListeners() []description {
	return []description{
		{path: "listen", flag: "listen", text: "The address of the reverse listener, which clients use in place of the backend."},
		{path: "tls", text: "TLS at the reverse listener. Clients that offer HTTP/2 get HTTP/1.1 unless h2 or one of its lists says otherwise."},
		{path: "tls.certificates", flag: "tls-cert", example: "[{cert: staging.crt, key: staging.key}]", text: "Pairs of PEM files. The certificate that matches the client's SNI is used. Changed files are read again. Empty: plain text. On the command line, --tls-cert and --tls-key give one pair."},
		{path: "tls.client_ca", text: "PEM file with the authorities that sign client certificates."},
		{path: "tls.client", values: []string{clientNone, clientOptional, clientRequired}, text: "Whether clients are asked for a certificate. Empty: none."},
		{path: "tls.h2", values: []string{h2Refuse, h2Audit, h2Pass}, text: "What clients get whose TLS offers HTTP/2. refuse: HTTP/1.1; they are counted. audit: the protocol that the backend chooses, which is connected first. pass: their TLS goes to the backend as it is, without an audit; reports count it. Empty: refuse."},
		{path: "tls.h2_audit", example: `["*.chat.example"]`, text: "SNI names or globs for which tls.h2 is audit."},
		{path: "tls.h2_pass", example: `["*.grpc.example"]`, text: "SNI names or globs for which tls.h2 is pass. h2_pass is used before h2_audit if both match."},
		{path: "tls.h2_refuse", example: `["old.example"]`, text: "SNI names or globs for which tls.h2 is refuse. It is used before h2_pass and h2_audit if they match too."},
		{path: "tls.min_version", values: tlsVersions(), example: `"1.0"`, text: "The oldest TLS version that clients may use. Empty: 1.2."},
		{path: "proxy_from", example: "[10.0.0.0/8]", text: "Addresses or ranges of load balancers. Their connections must begin with a PROXY protocol header."},
		{path: "listeners", example: "[{listen: 127.0.0.1:8443}]", text: "More reverse listeners."},
		{path: "listeners[].listen", text: "The address of this listener."},
		{path: "listeners[].tls", text: "TLS at this listener; the keys are those of tls."},
		{path: "listeners[].proxy_from", text: "As proxy_from, for this listener."},
		{path: "routes", text: "Other backends for some of the connections. The first route that matches is used. A route matches if every list that it has matches."},
		{path: "routes[].name", example: "chat", text: "The name of the route in rulings, metrics and logs."},
		{path: "routes[].hosts", example: `["*.chat.example"]`, text: "Names or globs, compared with the Host header."},
		{path: "routes[].sni", example: "[admin.example]", text: "Names or globs, compared with the SNI of TLS clients."},
		{path: "routes[].listen", text: "The address of the listener that the route is for."},
		{path: "routes[].backend", example: "http://10.0.0.7:3000", text: "As backend, for this route."},
		{path: "routes[].backend_tls", text: "As backend_tls, for this route."},
		{path: "routes[].host", text: "As host, for this route."},
		{path: "routes[].guard", values: []string{"off", "unsafe"}, text: "As guard, for this route. Empty: the value of guard."},
		{path: "routes[].dial", values: []string{DialLazy, DialEager}, text: "As dial, for this route. eager requires a route without hosts. Empty: the value of dial."},
		{path: "routes[].frames", values: frameModes(), text: "As frames, for this route. Empty: the value of frames."},
		{path: "routes[].send_proxy", text: "As send_proxy, for this route."},
		{path: "routes[].hop", values: []string{HopEdge, HopInner}, text: "The side of a proxy on which this route is. edge: before it, where clients arrive. inner: after it. Exchanges of both sides are paired and judged by the rules about proxies. Empty: the side that instance names, if it is edge or inner."},
		{path: "routes[].rules", text: "As rules, for this route."},
		{path: "unrouted", values: []string{unroutedDefault, UnroutedRefuse}, text: "What happens to connections that no route matches. default: they go to backend. refuse: they get a 421."},
		{path: "admin", text: "The admin listener: pages, API, /healthz, /readyz and /metrics. An address alone, as in admin: 127.0.0.1:9426, sets admin.listen."},
		{path: "admin.listen", flag: "admin", text: "The address of the admin listener. An address that other machines can reach requires admin_token_file."},
		{path: "admin.names", example: "[interlock.staging.example]", text: "More host names, without a port, under which browsers reach the admin listener. Requests for other names are rejected. IP addresses and localhost always work."},
		{path: "admin.open", example: "0.0.0.0:9427", text: "A separate address for /healthz, /readyz and /metrics, which require no token. Empty: they are served at the admin address only."},
		{path: "admin.tls", text: "TLS at the admin listener. Changed files are read again."},
		{path: "admin.tls.cert", text: "PEM file with the certificate. Empty: plain text."},
		{path: "admin.tls.key", text: "PEM file with its private key."},
		{path: "admin.pprof", text: "Serve Go profiles of Interlock at /debug/pprof/."},
		{path: "admin_token_file", flag: "admin-token-file", text: "A file with the token that the admin listener requires, 16 characters or more. Programs send Authorization: Bearer TOKEN; people log in with it."},
	}
}

func describedForward() []description {
	return []description{
		{path: "forward", text: "The forward listener, for clients that are configured to use a proxy. An address alone, as in forward: 127.0.0.1:8427, sets forward.listen."},
		{path: "forward.listen", flag: "forward", example: "127.0.0.1:8427", text: "The address of the forward listener. Empty: it is off."},
		{path: "forward.hosts", example: `[backends, "*.staging.example", 10.0.0.5:*]`, text: "What clients may reach: backends, or a list of names, globs and addresses. An entry without a port allows ports 80 and 443; :* allows every port. Interlock's own addresses are never reachable. A name never leads to loopback, link-local or cloud metadata addresses, unless these are listed themselves."},
		{path: "forward.pass_through", text: "Hosts whose TLS is passed through, for clients that pin certificates. Entries are written as in forward.hosts. Reports count these connections as not audited."},
		{path: "forward.ca", example: "/home/me/.local/state/interlock", text: "The directory of the certificate authority that Interlock uses to terminate TLS inside CONNECT; interlock ca create makes one. Empty: TLS is passed through without an audit."},
		{path: "forward.min_version", values: tlsVersions(), text: "The oldest TLS version that clients may use then. Empty: 1.2."},
		{path: "forward.users", example: "{me: secret}", text: "Names and passwords of those who may use the forward listener. Empty: everyone who can reach it."},
		{path: "forward.users_file", text: "A file with NAME:PASSWORD lines that only you can read."},
		{path: "forward.upstream", example: "http://name:password@proxy.example:3128", text: "The URL of an HTTP proxy that all connections go through. Empty: none. That proxy resolves host names, so Interlock cannot check the addresses."},
		{path: "forward.backend_tls", text: "TLS to hosts that are not a configured backend; the keys are those of backend_tls."},
	}
}

func describedRecords() []description {
	return []description{
		{path: "store", flag: "store", example: "postgres://user@host/database", text: "Where findings and exchanges are stored: the path of an SQLite file, a PostgreSQL URL (several instances may share one), or memory. Empty: interlock.db in $XDG_STATE_HOME/interlock or ~/.local/state/interlock."},
		{path: "retention", text: "How long exchanges are stored. Findings are kept twelve times as long."},
		{path: "retention.age", example: "30d", text: "The age at which exchanges are deleted. 0s: 30 days."},
		{path: "retention.count", text: "The largest number of exchanges. 0: no limit."},
		{path: "retention.bytes", example: "1GiB", text: "The largest size of the SQLite file, or in PostgreSQL of all exchanges. 0: 1 GiB."},
		{path: "otel", text: "Traces and rulings of upgrade exchanges and probe runs for OpenTelemetry."},
		{path: "otel.endpoint", flag: "otel-endpoint", example: "http://127.0.0.1:4318", text: "The URL of an OTLP/HTTP collector. Without a path, /v1/traces and /v1/logs are added. Empty: the value of OTEL_EXPORTER_OTLP_ENDPOINT; without that, nothing is sent."},
		{path: "otel.rulings", values: rulingsModes(), text: "Which rulings are sent as log records, with their evidence. findings: those in which a rule is broken. all: those that pass, too."},
		{path: "otel.ca", text: "PEM file with the authorities to trust. Empty: those of the system."},
		{path: "otel.token_file", text: "A file with the token that the collector requires (Authorization: Bearer)."},
		{path: "guard", flag: "guard", values: []string{"off", "unsafe"}, text: "off: every response reaches the client and nothing is delayed. unsafe: an unsafe 101 is replaced by a 502, bytes that a client sends after an upgrade request wait for the response, and messages that cannot be parsed are rejected."},
		{path: "log", flag: "log", values: []string{"auto", "json", "text"}, text: "The format of the log. json: one JSON object a line. text: lines for people. auto: text on a terminal, json otherwise."},
		{path: "instance", flag: "instance", example: "staging-1", text: "The name of this instance in rulings. Empty: a random name."},
		{path: "heartbeat", text: "How often this instance writes to the store that it runs. Others that share the store report it as silent after three intervals."},
		{path: "evidence", text: "The exchanges that are kept as evidence of a finding. Findings themselves are never dropped."},
		{path: "evidence.keep", values: []string{KeepRedacted, KeepFull, KeepNone}, text: "What is kept of an exchange in logs, reports and the store. redacted: no secrets and no payload. full: everything. none: findings only."},
		{path: "evidence.bytes", text: "The memory for all of it."},
		{path: "evidence.first", text: "How many of the first exchanges of each finding are kept."},
		{path: "evidence.last", text: "How many of the latest exchanges of each finding are kept."},
		{path: "evidence.message_bytes", text: "With frames: messages, how much of each message is kept. At most 64KiB."},
		{path: "evidence.tunnel_bytes", text: "With frames: messages, the memory for the messages of a tunnel. The oldest are dropped, and counted. At most 512KiB."},
		{path: "evidence.messages_bytes", text: "With frames: messages, the memory for the messages of all open tunnels, and for decompressing them."},
		{path: "evidence.endpoints", text: "How many endpoints are counted separately. Others are counted as (other)."},
		{path: "redact", text: "Secrets are removed from everything that is logged, shown and stored: values of headers, query parameters, cookies and subprotocols with the names of secrets, and tokens by their shape."},
		{path: "redact.names", example: "[x-tenant]", text: "More names of headers and parameters whose values are secret."},
		{path: "redact.allow", example: "[ticket]", text: "Names whose values are shown although they look like those of secrets. JSON web tokens stay hidden."},
	}
}

func describedLimits() []description {
	return []description{
		{path: "limits", text: "Limits of connections."},
		{path: "limits.connections", text: "Connections that may be open at the same time; more of them wait. 0: (file descriptor limit - 256) / 2."},
		{path: "limits.dial", text: "How long connecting to the backend may take. After that the client gets a 504."},
		{path: "limits.head", text: "How long a request head may take, from its first byte to its last. After that the connection is closed."},
		{path: "limits.first_byte", text: "How long a client may wait before it sends its first byte."},
		{path: "limits.half_closed", text: "How long a connection stays open without a byte once one side has closed its half."},
		{path: "limits.drain", text: "How long open connections may take to finish after SIGTERM or Ctrl-C; a second one closes them at once."},
	}
}

func describedRules() []description {
	return []description{
		{path: "rules", text: "The rules that exchanges are checked against."},
		{path: "rules.profile", values: []string{"seed", "recommended", "all"}, text: "Which rules can make a run fail. seed: the five of the Http11Probe tests. The other rules are shown and never make a run fail."},
		{path: "rules.as_of", example: `"0.1"`, text: "A release. Rules that are newer are shown and never make a run fail. Empty: all rules count."},
		{path: "rules.protocols", example: "[tcp, SPDY/3.1]", text: "Private protocols that the service uses on purpose, such as tcp (Docker) or SPDY/3.1 (kubectl)."},
		{path: "rules.public_origins", example: "[https://chat.example]", text: "The origins under which browsers know the service, if TLS ends in front of Interlock."},
		{path: "rules.off", example: "[UPGRADE-HTTP10]", text: "IDs of rules that are not checked."},
		{path: "rules.severity", example: "{UPGRADE-HTTP10: high}", text: "Severities that replace a rule's own. They change colors and exit status, never which switches are unsafe."},
		{path: "rules.secrets", text: "An older place of redact.names. In the rules of a route: more secret names for that route."},
		{path: "rules.endpoints", example: "[{endpoint: /chat, auth: required}]", text: "What is known of endpoints."},
		{path: "rules.endpoints[].endpoint", text: "The endpoint; * matches any text. Required."},
		{path: "rules.endpoints[].auth", values: []string{authRequired}, text: "required: accepting a handshake without credentials is a critical failure there (UPGRADE-AUTH-NONE), in live traffic and with probes. Credentials are cookies, headers and parameters with the names of secrets, and subprotocols that carry a token."},
		{path: "probes", text: "Settings of interlock probe, and of probes at endpoints seen in live traffic."},
		{path: "probes.authorized", example: "[staging.example]", text: "Hosts with public addresses that may be probed. Hosts on this machine and in private networks always may."},
		{path: "probes.credentials", values: []string{CredentialsConfigured, CredentialsRecorded}, text: "Whose credentials probes use. configured: the headers below. recorded: those of the client whose handshake was learned."},
		{path: "probes.identity", text: `Headers, such as "Cookie: a=b", that every probe sends, one on each line.`},
		{path: "probes.identity.file", text: "A file with the headers."},
		{path: "probes.identity.env", text: "An environment variable with the headers."},
		{path: "probes.identity.command", text: "A shell command that prints the headers."},
	}
}

func describedFindings() []description {
	return []description{
		{path: "accept", example: `[{rule: UPGRADE-POST, endpoint: "/legacy/*", reason: an old client, until: 2027-01-31}]`, text: "Findings that somebody has reviewed and accepted. They are shown and never make a run fail. Expired and unused entries are reported."},
		{path: "accept[].rule", example: "UPGRADE-POST", text: "The ID of the rule. Required unless fingerprint is set."},
		{path: "accept[].probe", example: `"UPGRADE-METHOD-*"`, text: "The ID of the probe; * matches any text. Empty: live traffic, probes for other rules, and one probe of the rule."},
		{path: "accept[].endpoint", example: `"/legacy/*"`, text: "The endpoint as reports write it; * matches any text. Empty: every endpoint."},
		{path: "accept[].fingerprint", text: "The fingerprint of the finding, from a report."},
		{path: "accept[].reason", text: "Why the finding is accepted. Required."},
		{path: "accept[].until", example: "2027-01-31", text: "The last day on which the entry applies, in UTC. Empty: it does not expire."},
		{path: "baseline", example: "[interlock-baseline.json]", text: "Earlier runs whose findings are known and never make a run fail: reports of -o json or -o ndjson, or runs in the store (an ID or the start of one, last, last~1)."},
		{path: "expect", example: "[{endpoint: /chat, protocol: websocket}]", text: "Endpoints that must be seen to accept an upgrade. If one is not, audit, run and probe exit with status 3."},
		{path: "expect[].endpoint", text: "The endpoint; * matches any text. Required."},
		{path: "expect[].protocol", values: Families(), text: "The protocol. Empty: any."},
	}
}
