package otelaio

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"goaio.example/aio"
)

// other is what stands for values beyond a bound.
const other = "_OTHER"

// maxText is how much of a text is an attribute.
const maxText = 1 << 10

// text makes an attribute of what may come from a peer: it is cut, and valid
// UTF-8, which exporters insist on.
func text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// methodsVariable names the methods that are known, by OpenTelemetry's rules.
const methodsVariable = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"

var defaultMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}

// knownMethods returns the set of the methods that are attributes as they are.
func knownMethods(names []string) map[string]bool {
	if env, ok := os.LookupEnv(methodsVariable); names == nil && ok {
		names = strings.Split(env, ",")
	} else if names == nil {
		names = defaultMethods
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			known[name] = true
		}
	}
	return known
}

// method returns a request's method as an attribute has it, and as a span's
// name does.
func (t *Telemetry) method(m string) (attr, name string) {
	switch {
	case m == "":
		return other, "HTTP"
	case t.methods[m]:
		return m, m
	}
	return other, "HTTP"
}

// route returns the template of the path in a pattern, which may have a method
// and a host before it, as that of an http.ServeMux: "GET host/users/{id}".
func route(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return pattern
}

// scheme returns the scheme of requests without or with TLS.
func scheme(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}

// version returns network.protocol.version of a protocol such as "HTTP/1.1".
func version(proto string) string {
	v := strings.TrimPrefix(proto, "HTTP/")
	if v == "2.0" {
		return "2"
	}
	return v
}

// hostPort divides "host:port" into its parts. port is 0 if it is not there.
func hostPort(s string) (host string, port int) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return strings.Trim(s, "[]"), 0
	}
	port, _ = strconv.Atoi(p) // 0 is none
	return host, port
}

// defaultPort returns the port of a scheme.
func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// questionName returns the attribute dns.question.name of a lookup's operation,
// which is named "lookup www.example.com".
func questionName(op string) attribute.KeyValue {
	name := op[strings.LastIndexByte(op, ' ')+1:]
	return semconv.DNSQuestionName(text(strings.TrimSuffix(name, ".")))
}

// errorType returns the attribute error.type of an error: a condition of
// package aio, or its type.
func errorType(err error) attribute.KeyValue {
	var dead *aio.PanicError
	var late net.Error
	for _, c := range [...]struct {
		is   bool
		text string
	}{
		{errors.As(err, &dead), "panic"},
		{errors.Is(err, aio.ErrTimeout) || errors.As(err, &late) && late.Timeout(), "timeout"},
		{errors.Is(err, aio.ErrDNS), "dns"},
		{errors.Is(err, aio.ErrRefused), "connection_refused"},
		{errors.Is(err, aio.ErrReset), "connection_reset"},
		{errors.Is(err, aio.ErrEOF), "connection_closed"},
		{errors.Is(err, aio.ErrClosed), "closed"},
		{isCancelled(err), "cancelled"},
	} {
		if c.is {
			return semconv.ErrorTypeKey.String(c.text)
		}
	}
	return semconv.ErrorType(err)
}

// bounded is a set of values that grows to a bound.
type bounded struct {
	most int

	mu    sync.RWMutex
	known map[hostKey]bool
}

// hostKey is a server that a client has asked.
type hostKey struct {
	host string
	port int
}

// pass returns k if it is one of the first values that have come, and what
// stands for all others if not.
func (b *bounded) pass(k hostKey) hostKey {
	b.mu.RLock()
	ok := b.known[k]
	b.mu.RUnlock()
	if ok {
		return k
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.known[k]:
	case len(b.known) >= b.most:
		return hostKey{other, 0}
	default:
		if b.known == nil {
			b.known = make(map[hostKey]bool)
		}
		b.known[k] = true
	}
	return k
}
