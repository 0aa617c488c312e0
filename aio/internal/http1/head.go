package http1

import (
	"bytes"
	"net/http"
	"strings"
)

// Limits bounds a head, or a trailer.
type Limits struct {
	Bytes, Fields int
}

// Field is a field line: a name as it was sent, and a value without surrounding
// white space.
type Field struct{ Name, Value string }

// Flags record what the fields of a head say about the connection.
type Flags uint8

// The flags, by the field and the value that set them.
const (
	Close          Flags = 1 << iota // Connection: close
	KeepAlive                        // Connection: keep-alive
	ConnUpgrade                      // Connection: upgrade
	Upgrade                          // an Upgrade with a protocol
	ExpectContinue                   // Expect: 100-continue
	ExpectOther                      // any other Expect
	ChunkedCoding                    // Transfer-Encoding: chunked
)

// Head is the head of a request. All its strings are substrings of one.
type Head struct {
	Method, Target string
	// from the target if it has one, else from the Host field
	Host   string
	fields string // the field lines, each with its CRLF
	Length int64  // of the body: 0 without a body, -1 if it is chunked
	count  int32  // of the fields
	Minor  uint8  // of the version HTTP/1.Minor
	Form   Form
	Flags  Flags

	hosts, lengths, codings uint8 // number of these fields, 2 for more
	// Trailer names a field that a trailer must not have
	badTrailer bool
}

// Parse parses the head at the beginning of p. It returns the head's length, 0
// if it is not complete, or the status to refuse it with; an incomplete head is
// checked as by Check. h must be zero; its strings do not refer to p.
func (h *Head) Parse(p []byte, lim Limits) (n, status int) {
	if n = Length(p, 0); n == 0 {
		return 0, Check(p, 0, lim)
	}
	if status = h.ParseWhole(p[:n], lim); status != 0 {
		n = 0
	}
	return n, status
}

// ParseWhole parses a head whose Length is that of p. It returns the status to
// refuse it with, 0 for a valid head. h must be zero; its strings do not refer
// to p.
func (h *Head) ParseWhole(p []byte, lim Limits) (status int) {
	if len(p) > lim.Bytes {
		return http.StatusRequestHeaderFieldsTooLarge
	}
	if status = h.lines(string(p[:len(p)-2]), lim.Fields); status == 0 {
		status = h.framing()
	}
	return status
}

var crlfcrlf = []byte("\r\n\r\n")

// Check returns the status to refuse an incomplete head with, 0 if it can still
// become valid. The first checked bytes were checked before. They are checked
// again only when a line has ended, so that checking is cheap if the head
// arrives byte by byte.
func Check(p []byte, checked int, lim Limits) (status int) {
	if len(p) >= lim.Bytes { // its end does not fit
		return http.StatusRequestHeaderFieldsTooLarge
	}
	end := checked + bytes.LastIndexByte(p[checked:], '\n') + 1
	switch {
	case end > checked:
		var sofar Head
		return sofar.lines(string(p[:end]), lim.Fields)
	case bytes.IndexByte(p[:checked], '\n') >= 0, bytes.IndexByte(p[:checked], ' ') >= 0:
		return 0
	}
	method, _, _ := bytes.Cut(p[checked:], []byte(" "))
	if !all(string(method), inToken) {
		return http.StatusBadRequest
	}
	return 0
}

// lines parses the request line and the field lines in s, each with its CRLF.
func (h *Head) lines(s string, most int) (status int) {
	line, rest, _ := strings.Cut(s, "\n")
	if line == "" || line[len(line)-1] != '\r' {
		return http.StatusBadRequest
	}
	if status = h.requestLine(line[:len(line)-1]); status != 0 {
		return status
	}
	h.fields = rest
	for rest != "" {
		f, n := cutField(rest)
		if n == 0 {
			return http.StatusBadRequest
		}
		if int(h.count) == most {
			return http.StatusRequestHeaderFieldsTooLarge
		}
		h.count++ // a head is shorter than 2 GiB
		if status = h.note(f); status != 0 {
			return status
		}
		rest = rest[n:]
	}
	return 0
}

// cutField returns the field line at the beginning of s, and its length with
// the CRLF, 0 if there is none.
func cutField(s string) (f Field, n int) {
	i := 0
	for i < len(s) && classes[s[i]]&inToken != 0 {
		i++
	}
	if i == 0 || i == len(s) || s[i] != ':' {
		return f, 0
	}
	j := i + 1
	for j < len(s) && classes[s[j]]&inValue != 0 {
		j++
	}
	if !strings.HasPrefix(s[j:], "\r\n") {
		return f, 0
	}
	return Field{s[:i], Trim(s[i+1 : j])}, j + 2
}

// Trim returns s without surrounding white space.
func Trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// requestLine parses the first line, without its CRLF.
func (h *Head) requestLine(line string) (status int) {
	method, rest, ok1 := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	v, ok3 := strings.CutPrefix(version, "HTTP/")
	switch {
	case !ok1 || !ok2 || method == "" || !all(method, inToken):
		return http.StatusBadRequest
	case !ok3 || len(v) != 3 || classes[v[0]]&isDigit == 0 || v[1] != '.' || classes[v[2]]&isDigit == 0:
		return http.StatusBadRequest
	}
	h.Method, h.Target, h.Minor = method, target, v[2]-'0'
	if !h.setForm() {
		return http.StatusBadRequest
	}
	if v[0] != '1' {
		return http.StatusHTTPVersionNotSupported
	}
	return 0
}

// note records what a field says about the message or the connection. It
// compares the lengths of names first.
func (h *Head) note(f Field) (status int) {
	switch len(f.Name) {
	case len("Host"):
		if EqualFold(f.Name, "Host") {
			return h.noteHost(f.Value)
		}
	case len("Expect"):
		if EqualFold(f.Name, "Expect") {
			h.noteExpect(f.Value)
		}
	case len("Upgrade"): // and of Trailer
		switch {
		case EqualFold(f.Name, "Upgrade") && strings.Trim(f.Value, ", \t") != "":
			h.Flags |= Upgrade
		case EqualFold(f.Name, "Trailer") && (HasToken(f.Value, "Content-Length") ||
			HasToken(f.Value, "Transfer-Encoding") || HasToken(f.Value, "Trailer")):
			h.badTrailer = true
		}
	case len("Connection"):
		if EqualFold(f.Name, "Connection") {
			h.Flags.noteConnection(f.Value)
		}
	case len("Content-Length"):
		if EqualFold(f.Name, "Content-Length") {
			return h.noteLength(f.Value)
		}
	case len("Transfer-Encoding"):
		if EqualFold(f.Name, "Transfer-Encoding") {
			h.codings = min(h.codings+1, 2)
			if EqualFold(f.Value, "chunked") {
				h.Flags |= ChunkedCoding
			}
		}
	}
	return 0
}

func (h *Head) noteHost(v string) (status int) {
	if h.hosts = min(h.hosts+1, 2); !ValidHost(v) {
		return http.StatusBadRequest
	}
	// for other targets the target's host counts (RFC 9112, section 3.2.2)
	if h.Form == Origin || h.Form == Asterisk {
		h.Host = v
	}
	return 0
}

func (h *Head) noteExpect(v string) {
	switch {
	// the first one counts, as in net/http
	case h.Flags&(ExpectContinue|ExpectOther) != 0:
	case HasToken(v, "100-continue"):
		h.Flags |= ExpectContinue
	case v != "":
		h.Flags |= ExpectOther
	}
}

func (fl *Flags) noteConnection(v string) {
	for v != "" {
		var token string
		token, v, _ = strings.Cut(v, ",")
		switch token = Trim(token); {
		case EqualFold(token, "close"):
			*fl |= Close
		case EqualFold(token, "keep-alive"):
			*fl |= KeepAlive
		case EqualFold(token, "upgrade"):
			*fl |= ConnUpgrade
		}
	}
}

func (h *Head) noteLength(v string) (status int) {
	h.lengths = min(h.lengths+1, 2)
	var ok bool
	if h.Length, ok = ParseLength(v); !ok {
		return http.StatusBadRequest
	}
	return 0
}

// framing checks a complete head as a whole.
func (h *Head) framing() (status int) {
	switch {
	case h.hosts > 1 || h.hosts == 0 && h.Minor > 0,
		h.lengths > 1, h.codings > 1, h.codings > 0 && (h.lengths > 0 || h.Minor == 0):
		return http.StatusBadRequest
	case h.codings > 0 && h.Flags&ChunkedCoding == 0:
		return http.StatusNotImplemented
	case h.codings > 0 && h.badTrailer:
		return http.StatusBadRequest
	case h.codings > 0:
		h.Length = -1
	}
	return 0
}

// Proto returns the protocol's name and version, such as "HTTP/1.1".
func (h *Head) Proto() string { return protos[8*h.Minor : 8*h.Minor+8] }

const protos = "HTTP/1.0HTTP/1.1HTTP/1.2HTTP/1.3HTTP/1.4HTTP/1.5HTTP/1.6HTTP/1.7HTTP/1.8HTTP/1.9"

// Len returns the number of fields.
func (h *Head) Len() int { return int(h.count) }

// Fields calls yield for each field, in order. It splits the lines again, which
// is cheaper than storing the positions of their parts.
func (h *Head) Fields(yield func(Field) bool) { eachField(h.fields, yield) }

// eachField splits valid field lines, each with its CRLF.
func eachField(rest string, yield func(Field) bool) {
	for rest != "" {
		end := strings.IndexByte(rest, '\n')
		name, value, _ := strings.Cut(rest[:end-1], ":")
		if !yield(Field{name, Trim(value)}) {
			return
		}
		rest = rest[end+1:]
	}
}

// Value returns the value of the first field with that name, "" if there is
// none.
func (h *Head) Value(name string) string {
	for f := range h.Fields {
		if EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// KeepsAlive reports whether the client allows another request on the
// connection (RFC 9112, section 9.3).
func (h *Head) KeepsAlive() bool {
	return h.Flags&Close == 0 && (h.Minor > 0 || h.Flags&KeepAlive != 0)
}

// Upgrades reports whether the request asks for an upgrade (RFC 9110, section
// 7.8).
func (h *Head) Upgrades() bool {
	return h.Minor > 0 && h.Flags&(ConnUpgrade|Upgrade) == ConnUpgrade|Upgrade
}

// UpgradeTo returns the protocol that the client prefers, "" for none.
func (h *Head) UpgradeTo() string {
	for f := range h.Fields {
		if !EqualFold(f.Name, "Upgrade") {
			continue
		}
		for s := range strings.SplitSeq(f.Value, ",") {
			if s = Trim(s); s != "" {
				return s
			}
		}
	}
	return ""
}

// Length returns the length of the head at the beginning of p, 0 if p does not
// contain its end. The first checked bytes are known not to contain it.
func Length(p []byte, checked int) int {
	from := max(checked-len(crlfcrlf)+1, 0)
	i := bytes.Index(p[from:], crlfcrlf)
	if i < 0 {
		return 0
	}
	return from + i + len(crlfcrlf)
}
