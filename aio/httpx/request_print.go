package httpx

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	crand "crypto/rand"
)

// String returns a summary of the request, as cl-async's pretty print does:
// method, target, header and length of the body. It leaves out what may be a
// secret.
func (r *Request) String() string {
	var b strings.Builder
	x := r.x
	fmt.Fprintf(&b, "#<http-request %s %s", x.side.method(), redactedTarget(x.side))
	header := x.side.header()
	names := make([]string, 0, len(header))
	for k := range header {
		names = append(names, k)
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "\n  Host: %s", quoted(x.side.host()))
	for _, k := range names {
		for _, v := range header[k] {
			fmt.Fprintf(&b, "\n  %s: %s", clip(k), quoted(redacted(k, v)))
		}
	}
	fmt.Fprintf(&b, "\n  body: %d bytes>", len(x.body))
	return b.String()
}

// LogValue returns the request for a log: no query, no body, and only the
// length of the header.
func (r *Request) LogValue() slog.Value { return slog.GroupValue(r.x.attrs()...) }

// attrs returns the request's attributes for logs.
func (x *inbound) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("method", clip(x.side.method())),
		// escaped, so without control bytes
		slog.String("path", clip(x.side.path())),
		slog.String("proto", x.side.proto()),
		slog.String("host", quoted(x.side.host())),
		slog.String("remote", x.side.remote()),
		slog.String("id", x.requestID()),
	}
}

// redactedText replaces text that may be a secret.
const redactedText = "[redacted]"

// redacted returns a header field's value, unless it may be a secret.
func redacted(name, value string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Csrf-Token":
		return redactedText
	case "Referer":
		value, _, _ = strings.Cut(value, "?")
		if strings.Contains(value, "@") {
			return cutCredentials(value)
		}
		return value
	}
	lower := strings.ToLower(name)
	for _, s := range []string{"token", "secret", "api-key", "apikey", "password", "session"} {
		if strings.Contains(lower, s) {
			return redactedText
		}
	}
	return value
}

// redactedTarget returns the request's target, with the values in its query
// left out.
func redactedTarget(r side) string {
	path := clip(r.path())
	if r.query() == "" {
		return path
	}
	var names []string
	for part := range strings.SplitSeq(clip(r.query()), "&") {
		name, _, has := strings.Cut(part, "=")
		if has {
			name += "="
		}
		names = append(names, quoted(name))
	}
	return path + "?" + strings.Join(names, "&")
}

// quoted returns text from a peer, shortened, and quoted unless it is plain.
func quoted(s string) string {
	s = clip(s)
	if q := strconv.Quote(s); q[1:len(q)-1] != s {
		return q
	}
	return s
}

// idSource makes request IDs that are unique across processes.
type idSource struct {
	prefix string
	last   atomic.Uint64
}

func (i *idSource) init() {
	var b [6]byte
	crand.Read(b[:]) // never fails
	i.prefix = hex.EncodeToString(b[:]) + "-"
}

func (i *idSource) next() string { return i.prefix + strconv.FormatUint(i.last.Add(1), 36) }

// takeID sets the request's ID if it will be sent: to the one in the request,
// if that is plain text.
func (x *inbound) takeID() {
	name := x.s.RequestIDHeader
	if name == "" {
		return
	}
	if v := x.side.field(name); plainID(v) {
		x.id = v
	} else {
		x.id = x.s.ids.next()
	}
}

// requestID returns the request's ID. The first call makes it, unless takeID
// has set it.
func (x *inbound) requestID() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.id == "" {
		x.id = x.s.ids.next()
	}
	return x.id
}

// sentID returns the ID to send with the response, "" for none.
func (x *inbound) sentID() string {
	if x.s.RequestIDHeader == "" {
		return ""
	}
	return x.id
}

// plainID reports whether an ID from a client may be written into logs and
// headers.
func plainID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z', c == '-', c == '_', c == '.', c == '=', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}
