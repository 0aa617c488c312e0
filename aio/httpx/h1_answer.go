package httpx

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"goaio.example/aio/internal/http1"
)

// h1Answer serialises the responses to a request.
type h1Answer struct {
	e    *h1Engine
	head *http1.Head // of the request
	id   string      // for Server.RequestIDHeader
	// the connection ends with the response; also set if the header says so
	close bool
}

// statusLines holds the status lines of HTTP/1.1 for 100 to 599.
var statusLines = func() (t [500]string) {
	for i := range t {
		if text := http.StatusText(100 + i); text != "" {
			t[i] = fmt.Sprintf("HTTP/1.1 %d %s\r\n", 100+i, text)
		}
	}
	return t
}()

// appendStatus appends a status line.
func (w *h1Answer) appendStatus(b []byte, status int) []byte {
	if i := status - 100; w.head.Minor > 0 && i >= 0 && i < len(statusLines) && statusLines[i] != "" {
		return append(b, statusLines[i]...)
	}
	b = append(b, "HTTP/1."...)
	b = append(b, '0'+min(w.head.Minor, 1), ' ')
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	if text := http.StatusText(status); text != "" {
		b = append(b, text...)
	} else {
		b = append(b, "status code "...) // as net/http's server writes it
		b = strconv.AppendInt(b, int64(status), 10)
	}
	return append(b, "\r\n"...)
}

// seen records the fields of a response's header that the server would
// otherwise set.
type seen struct {
	// even without a value, which keeps the server from setting it
	date, kind bool
	length     string
	coding     string // Transfer-Encoding
	encoded    bool   // Content-Encoding
	connection []string
	trailer    bool
	upgrade    bool
}

// appendFields appends the fields of a header, sorted by name. It leaves out
// those that the server sets itself, and those that the status does not allow.
// Its error is ErrBadHeader.
func (w *h1Answer) appendFields(b []byte, status int, h http.Header, canon bool) (_ []byte, s seen, err error) {
	var room [16]namedValues
	fields := room[:0]
	for name, values := range h {
		fields = append(fields, namedValues{name, values})
	}
	if len(fields) > 1 {
		slices.SortFunc(fields, func(a, b namedValues) int { return strings.Compare(a.name, b.name) })
	}
	for _, f := range fields {
		name, values := f.name, f.values
		if !http1.ValidName(name) {
			if s.trailer = strings.HasPrefix(name, http.TrailerPrefix); s.trailer {
				continue
			}
			return b, s, fmt.Errorf("%w: name %q", ErrBadHeader, clip(name))
		}
		for _, v := range values {
			if !http1.ValidValue(v) {
				return b, s, fmt.Errorf("%w: value %q of %s", ErrBadHeader, clip(v), name)
			}
		}
		key := canonical(name)
		if s.note(key, values) || status == http.StatusNotModified && key == "Content-Type" || key == w.e.idField {
			continue
		}
		if canon {
			name = key
		}
		for _, v := range values {
			b = appendField(b, name, http1.Trim(v))
		}
	}
	return b, s, nil
}

// namedValues is an entry of an http.Header.
type namedValues struct {
	name   string
	values []string
}

// note records what the server has to know about a field. It reports whether
// the server writes the field itself.
func (s *seen) note(name string, values []string) bool {
	switch name {
	case "Date":
		s.date = true
	case "Content-Type":
		s.kind = true
	case "Content-Encoding":
		s.encoded = len(values) > 0 && values[0] != ""
	case "Trailer":
		s.trailer = true
	case "Content-Length":
		if len(values) > 0 {
			s.length = http1.Trim(values[0])
		}
		return true
	case "Transfer-Encoding":
		if len(values) > 0 {
			s.coding = values[0]
		}
		return true
	case "Connection":
		if s.connection != nil { // from another spelling
			values = slices.Concat(s.connection, values)
		}
		s.connection = values
		return true
	case "Upgrade":
		s.upgrade = len(values) > 0 && values[0] != ""
	}
	return false
}

// appendField appends a field line.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendLength appends a Content-Length.
func appendLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, "\r\n"...)
}

// append appends the header of a whole response. It returns the part of the
// body that must be sent.
func (w *h1Answer) append(b []byte, a *answer) (_ []byte, body []byte, err error) {
	b = w.appendStatus(b, a.status)
	b, s, err := w.appendFields(b, a.status, a.header, true)
	if err != nil {
		return b, nil, err
	}
	if a.isText && a.status != http.StatusNotModified {
		b = append(b, "Content-Type: "+textType+"\r\n"...)
		s.kind = true
	}
	body = a.body
	head := w.head.Method == http.MethodHead
	f := framing{length: -1}
	switch {
	case w.tunnels(a.status):
		body = nil
	case a.status == http.StatusResetContent:
		body = nil
		f.length = 0
	case !bodyAllowed(a.status):
		body = nil
	default:
		n, ok := parseLength(s.length)
		if !head || len(body) > 0 || !ok {
			n = int64(len(body))
		}
		f.length = n
		if !s.kind && !s.encoded && len(body) > 0 {
			f.kind = http.DetectContentType(body)
		}
	}
	if head {
		body = nil
	}
	return w.appendCommon(b, a.status, &s, f), body, nil
}

// tunnels reports whether the response turns the connection into a tunnel. Such
// a response has neither a Content-Length nor a body (RFC 9110, section 9.3.6).
func (w *h1Answer) tunnels(status int) bool {
	return w.head.Method == http.MethodConnect && status >= 200 && status < 300
}

// framing describes a response's body in the header.
type framing struct {
	length  int64  // Content-Length, -1 to leave it out
	kind    string // Content-Type, "" to leave it out
	chunked bool
}

// appendCommon appends the fields that the server adds to every response, in
// the order of net/http's server, and the empty line.
func (w *h1Answer) appendCommon(b []byte, status int, s *seen, f framing) []byte {
	if !s.date {
		b = append(b, "Date: "...)
		b = append(b, w.e.now()...)
		b = append(b, "\r\n"...)
	}
	if f.length >= 0 {
		b = appendLength(b, f.length)
	}
	if f.kind != "" {
		b = appendField(b, "Content-Type", f.kind)
	}
	if name := w.e.s.RequestIDHeader; name != "" && w.id != "" {
		b = appendField(b, name, w.id)
	}
	b = w.appendConnection(b, status, s.connection)
	if f.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(b, "\r\n"...)
}

// appendConnection appends the Connection field. Of the handler's own tokens,
// it honors those that end the connection, but not those that keep it.
func (w *h1Answer) appendConnection(b []byte, status int, user []string) []byte {
	has := func(token string) bool {
		return slices.ContainsFunc(user, func(v string) bool { return http1.HasToken(v, token) })
	}
	says := len(user) > 0 && has("close")
	w.close = w.close || says
	// the connection goes on with another protocol
	through := status == http.StatusSwitchingProtocols || w.tunnels(status)
	for _, v := range user {
		if through || says || !w.close || !http1.HasToken(v, "keep-alive") {
			b = appendField(b, "Connection", http1.Trim(v))
		}
	}
	switch {
	case through:
	case w.close && !says:
		if w.head.Minor > 0 { // clients of HTTP/1.0 expect nothing else
			b = append(b, "Connection: close\r\n"...)
		}
	case !w.close && w.head.Minor == 0 && (len(user) == 0 || !has("keep-alive")):
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

// parseLength parses a response's Content-Length.
func parseLength(s string) (n int64, ok bool) {
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}
