package httpx

import (
	"bytes"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// wireCheck looks at the bytes of an HTTP/1 connection before the engine's parser does, and refuses what section 7 of
// the design has a server refuse although parsers let it pass: what two parsers may read in two ways. It follows the
// framing from request to request (RFC 9112), and keeps no more than an unfinished line.
type wireCheck struct {
	maxBytes, maxFields int

	state   checkState
	refused int   // the status to refuse with, 0: none
	left    int64 // bytes left of the body, or of the chunk
	line    []byte
	size    int // bytes of the header, or of the chunk's line, or of the trailer
	fields  int
	head    checkedHeader
}

// checkState is what a wireCheck reads next.
type checkState uint8

const (
	checkStart     checkState = iota // the first byte of a request
	checkHeader                      // the header: its first line, when size is 0
	checkBody                        // a body of known length
	checkChunkSize                   // the line before a chunk
	checkChunk                       // a chunk
	checkChunkEnd                    // the line's end behind a chunk
	checkTrailer                     // the fields behind the last chunk
	checkRaw                         // what is no HTTP/1 any more
)

// checkedHeader is what decides about a request's framing.
type checkedHeader struct {
	began                    bool // the request line is there
	http10, connect, upgrade bool
	other                    bool // a version that the parser refuses
	hosts, lengths, codings  int
	length                   int64
	chunked                  bool
}

// maxChunkLine bounds the line before a chunk, extensions included, in bytes.
const maxChunkLine = 256

// feed takes the next bytes from the connection. It returns how many of them may be passed on: fewer than all of them
// if something was refused.
func (k *wireCheck) feed(p []byte) int {
	n := 0
	for n < len(p) && k.refused == 0 {
		switch k.state {
		case checkRaw:
			return len(p)
		case checkBody, checkChunk:
			m := int(min(k.left, int64(len(p)-n)))
			n += m
			if k.left -= int64(m); k.left == 0 {
				k.bodyEnded()
			}
		default:
			n += k.feedLine(p[n:])
		}
	}
	return n
}

// bodyEnded goes on behind a body, or a chunk.
func (k *wireCheck) bodyEnded() {
	if k.state == checkChunk {
		k.state = checkChunkEnd
	} else {
		k.nextRequest()
	}
}

// nextRequest waits for a request.
func (k *wireCheck) nextRequest() {
	k.state, k.size, k.fields, k.head = checkStart, 0, 0, checkedHeader{}
}

// idle reports whether no request is under way on the wire.
func (k *wireCheck) idle() bool { return k.state == checkStart && k.refused == 0 }

// inHeader reports whether a header has begun and is not complete.
func (k *wireCheck) inHeader() bool { return k.state == checkHeader }

// inBody reports whether a header was complete and its body is not.
func (k *wireCheck) inBody() bool { return k.state > checkHeader && k.state < checkRaw }

// feedLine takes bytes up to the end of the line. It returns how many may be passed on: not those of a line that is
// refused, as far as they are in p.
func (k *wireCheck) feedLine(p []byte) int {
	if k.state == checkStart {
		k.state = checkHeader
	}
	i := bytes.IndexByte(p, '\n')
	part := p
	if i >= 0 {
		part = p[:i+1]
	}
	k.size += len(part)
	limit := k.maxBytes
	if k.state == checkChunkSize || k.state == checkChunkEnd {
		limit = maxChunkLine
	}
	if k.size > limit {
		k.refuse(431)
		return 0
	}
	if i < 0 {
		k.line = append(k.line, part...)
		return len(p)
	}
	line := part
	if len(k.line) > 0 {
		k.line = append(k.line, part...)
		line = k.line
	}
	k.lineEnded(line)
	k.line = nil // an idle connection holds none
	if k.refused != 0 {
		return 0
	}
	return i + 1
}

// refuse refuses the request with a status.
func (k *wireCheck) refuse(status int) { k.refused = status }

// lineEnded checks a whole line.
func (k *wireCheck) lineEnded(line []byte) {
	text, crlf := bytes.CutSuffix(line, []byte("\r\n"))
	if !crlf {
		k.refuse(400)
		return
	}
	switch k.state {
	case checkChunkSize:
		k.chunkSize(text)
	case checkChunkEnd:
		if len(text) > 0 {
			k.refuse(400)
			return
		}
		k.state, k.size = checkChunkSize, 0
	case checkTrailer:
		if len(text) == 0 {
			k.nextRequest()
			return
		}
		k.field(text)
	default:
		k.headerLine(text)
	}
}

// headerLine checks a line of the header.
func (k *wireCheck) headerLine(text []byte) {
	switch {
	case !k.head.began && len(text) == 0:
		if k.size > 4 { // two empty lines may come before a request (RFC 9112, section 2.2)
			k.refuse(400)
		}
	case !k.head.began:
		k.requestLine(text)
	case len(text) == 0:
		k.headerEnded()
	default:
		name, value := k.field(text)
		k.note(name, value)
	}
}

// requestLine checks the first line.
func (k *wireCheck) requestLine(text []byte) {
	h := &k.head
	h.began = true
	method, rest, ok1 := bytes.Cut(text, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok1 || !ok2 || len(method) == 0 || !tokenBytes(method) || !validTarget(string(method), target) {
		k.refuse(400)
		return
	}
	major, ok := bytes.CutPrefix(version, []byte("HTTP/"))
	if !ok || len(major) != 3 || !digit(major[0]) || major[1] != '.' || !digit(major[2]) {
		k.refuse(400)
		return
	}
	h.http10 = string(version) == "HTTP/1.0"
	h.other = major[0] != '1' // for the parser to refuse
	h.connect = string(method) == "CONNECT"
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// validTarget reports whether a request's target has one of the forms of RFC 9112, section 3.2, that fit its method.
func validTarget(method string, target []byte) bool {
	for _, c := range target {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	switch {
	case len(target) == 0:
		return false
	case method == "CONNECT":
		return !bytes.ContainsAny(target, "/?#@")
	case string(target) == "*":
		return method == "OPTIONS"
	case target[0] == '/':
		return true
	}
	scheme, rest, ok := strings.Cut(string(target), "://")
	return ok && rest != "" && rest[0] != '/' && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// field checks a field line and counts it. It returns the name, and the value without the white space around it.
func (k *wireCheck) field(text []byte) (name, value []byte) {
	if k.fields++; k.fields > k.maxFields {
		k.refuse(431)
		return nil, nil
	}
	name, value, ok := bytes.Cut(text, []byte(":"))
	if !ok || len(name) == 0 || !tokenBytes(name) { // a folded line begins with white space, and so has no name
		k.refuse(400)
		return nil, nil
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			k.refuse(400)
			return nil, nil
		}
	}
	return name, bytes.Trim(value, " \t")
}

func tokenBytes(name []byte) bool {
	for _, c := range name {
		if !httpguts.IsTokenRune(rune(c)) {
			return false
		}
	}
	return true
}

// note keeps what a field says about the framing.
func (k *wireCheck) note(name, value []byte) {
	h := &k.head
	switch {
	case is(name, "Host"):
		h.hosts++
		if !validHost(string(value)) {
			k.refuse(400)
		}
	case is(name, "Content-Length"):
		h.lengths++
		n, ok := parseLength(value)
		if h.length = n; !ok {
			k.refuse(400)
		}
	case is(name, "Transfer-Encoding"):
		h.codings++
		h.chunked = is(value, "chunked")
	case is(name, "Upgrade"):
		h.upgrade = h.upgrade || !is(value, "h2c") // which no server need take up (RFC 9113, section 3.1)
	}
}

func is(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }

// validHost reports whether the value of a Host field is one: empty, or a host and perhaps a port.
func validHost(host string) bool {
	return httpguts.ValidHostHeader(host) && !strings.ContainsAny(host, "/?#@,\\ \t<>{}|^`\"")
}

// parseLength parses a Content-Length: digits and nothing else.
func parseLength(value []byte) (int64, bool) {
	if len(value) == 0 || len(value) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range value {
		if !digit(c) {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

// headerEnded decides what a complete header is followed by.
func (k *wireCheck) headerEnded() {
	h := &k.head
	switch {
	case h.other:
		k.state = checkRaw // the parser refuses it
		return
	case h.hosts > 1, h.hosts == 0 && !h.http10,
		h.lengths > 1, h.codings > 1, h.codings > 0 && h.lengths > 0, h.codings > 0 && h.http10:
		k.refuse(400)
		return
	}
	k.size, k.fields = 0, 0
	switch {
	case h.connect, h.upgrade:
		k.state = checkRaw // what follows may be anything: the connection is not used for another request
	case h.codings > 0 && !h.chunked:
		k.state = checkRaw // the parser refuses it with 501
	case h.chunked:
		k.state = checkChunkSize
	case h.length > 0:
		k.state, k.left = checkBody, h.length
	default:
		k.nextRequest()
	}
}

// chunkSize checks the line before a chunk: a hexadecimal size, and perhaps extensions.
func (k *wireCheck) chunkSize(text []byte) {
	digits, ext, has := bytes.Cut(text, []byte(";"))
	if has {
		digits = bytes.TrimRight(digits, " \t")
	}
	n, ok := parseHex(digits)
	for _, c := range ext {
		ok = ok && (c >= ' ' || c == '\t') && c != 0x7f
	}
	if !ok {
		k.refuse(400)
		return
	}
	k.size = 0
	if n == 0 {
		k.state = checkTrailer
		return
	}
	k.state, k.left = checkChunk, n
}

func parseHex(digits []byte) (int64, bool) {
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		switch {
		case digit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, true
}

// poison fills p with what has the parser refuse the request with the status that the check wants. It fits wherever the
// check has stopped: within a line or between two.
func (k *wireCheck) poison(p []byte) int {
	filler := byte(0) // forbidden everywhere in a header, and in a chunk's line
	if k.refused == 431 {
		filler = 'a' // without an end
	}
	for i := range p {
		p[i] = filler
		if filler == 0 && i%2 == 1 {
			p[i] = '\n'
		}
	}
	return len(p)
}
