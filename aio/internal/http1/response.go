package http1

import (
	"bytes"
	"strings"
)

// Response is the head of a response. All its strings are substrings of one.
type Response struct {
	Status    int
	Reason    string // may be empty
	fields    string // the field lines, each with its CRLF
	Announced int64  // the Content-Length, -1 if there is none
	count     int32  // of the fields
	Minor     uint8  // of the version HTTP/1.Minor
	Flags     Flags  // of Connection

	lengths, codings uint8 // number of these fields, 2 for more
}

// A Fault says why a response is malformed.
type Fault string

// Error returns the fault as text.
func (f Fault) Error() string { return "malformed HTTP response: " + string(f) }

// The faults of a response's head.
const (
	FaultStatusLine Fault = "status line"
	FaultVersion    Fault = "version"
	FaultField      Fault = "header field"
	FaultLength     Fault = "Content-Length"
	FaultLengths    Fault = "two Content-Lengths that differ"
	FaultCoding     Fault = "Transfer-Encoding other than chunked"
	FaultOldCoding  Fault = "Transfer-Encoding in HTTP/1.0"
	FaultTooLarge   Fault = "the header is too large"
)

// ParseResponse parses the head of a response at the beginning of p, whose
// first checked bytes do not contain the end of a head. It returns the head's
// length, 0 if it is not complete, or an error. An incomplete head is refused
// as soon as no continuation can be valid. r must be zero; its strings do not
// refer to p.
func (r *Response) ParseResponse(p []byte, checked int, lim Limits) (n int, err error) {
	if i := bytes.Index(p[max(checked-len(crlfcrlf)+1, 0):], crlfcrlf); i >= 0 {
		n = max(checked-len(crlfcrlf)+1, 0) + i + len(crlfcrlf)
	}
	switch {
	case n == 0:
		return 0, checkResponse(p, checked, lim)
	case n > lim.Bytes:
		return 0, FaultTooLarge
	}
	if err := r.lines(string(p[:n-2]), lim.Fields); err != nil {
		return 0, err
	}
	if err := r.framing(); err != nil {
		return 0, err
	}
	return n, nil
}

// checkResponse returns an error if an incomplete head cannot become valid. It
// checks a line when it has ended, so that checking is cheap if the head
// arrives byte by byte.
func checkResponse(p []byte, checked int, lim Limits) error {
	if len(p) >= lim.Bytes { // its end does not fit
		return FaultTooLarge
	}
	if begin := p[:min(len(p), len(versionStart))]; !strings.HasPrefix(versionStart, string(begin)) {
		return FaultStatusLine
	}
	if end := checked + bytes.LastIndexByte(p[checked:], '\n') + 1; end > checked {
		var sofar Response
		return sofar.lines(string(p[:end]), lim.Fields)
	}
	return nil
}

const versionStart = "HTTP/1."

// lines parses the status line and the field lines in s, each with its CRLF.
func (r *Response) lines(s string, most int) error {
	line, rest, _ := strings.Cut(s, "\n")
	if line == "" || line[len(line)-1] != '\r' {
		return FaultStatusLine
	}
	if err := r.statusLine(line[:len(line)-1]); err != nil {
		return err
	}
	r.fields, r.Announced = rest, -1
	for rest != "" {
		f, n := cutField(rest)
		if n == 0 {
			return FaultField
		}
		if int(r.count) == most {
			return FaultTooLarge
		}
		r.count++
		if err := r.note(f); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// statusLine parses the first line, without its CRLF: HTTP/1.x, a space, three
// digits, and a reason after another space. Without a reason the second space
// is optional, because many servers leave it out.
func (r *Response) statusLine(line string) error {
	rest, ok := strings.CutPrefix(line, versionStart)
	if !ok {
		return FaultVersion
	}
	if len(rest) < 5 || classes[rest[0]]&isDigit == 0 || rest[1] != ' ' || !all(rest[2:5], isDigit) || rest[2] == '0' {
		return FaultStatusLine
	}
	r.Minor = rest[0] - '0'
	r.Status = int(rest[2]-'0')*100 + int(rest[3]-'0')*10 + int(rest[4]-'0')
	if rest = rest[5:]; rest == "" {
		return nil
	}
	if rest[0] != ' ' || !all(rest, inValue) {
		return FaultStatusLine
	}
	r.Reason = rest[1:]
	return nil
}

// note records what a field says about the message or the connection.
func (r *Response) note(f Field) error {
	switch len(f.Name) {
	case len("Connection"):
		if EqualFold(f.Name, "Connection") {
			r.Flags.noteConnection(f.Value)
		}
	case len("Content-Length"):
		if EqualFold(f.Name, "Content-Length") {
			return r.noteLength(f.Value)
		}
	case len("Transfer-Encoding"):
		if EqualFold(f.Name, "Transfer-Encoding") {
			if r.codings++; r.codings > 1 || !EqualFold(f.Value, "chunked") {
				return FaultCoding
			}
		}
	}
	return nil
}

// noteLength records a Content-Length. Several are accepted if they agree.
func (r *Response) noteLength(v string) error {
	n, ok := ParseLength(v)
	switch {
	case !ok:
		return FaultLength
	case r.lengths > 0 && n != r.Announced:
		return FaultLengths
	}
	r.lengths, r.Announced = min(r.lengths+1, 2), n
	return nil
}

// framing checks a complete head as a whole.
func (r *Response) framing() error {
	if r.codings > 0 && r.Minor == 0 {
		return FaultOldCoding
	}
	return nil
}

// Special lengths of bodies; see BodyLength.
const (
	LengthChunked    int64 = -1
	LengthUntilClose int64 = -2
)

// BodyLength returns the length of the response's body; method is that of the
// request (RFC 9112, section 6.3). It returns LengthChunked if the body marks
// its end itself, and LengthUntilClose if the connection's end is the body's. A
// Transfer-Encoding overrides a Content-Length.
func (r *Response) BodyLength(method string) int64 {
	switch {
	case r.Status < 200, r.Status == 204, r.Status == 304, method == "HEAD":
		return 0
	case r.codings > 0:
		return LengthChunked
	case r.lengths > 0:
		return r.Announced
	}
	return LengthUntilClose
}

// KeepsAlive reports whether the connection can be used for another request
// after the body (RFC 9112, sections 6.1 and 9.3). It cannot if the head frames
// the body in two ways, because an intermediary may have read it the other way.
func (r *Response) KeepsAlive() bool {
	switch {
	case r.Flags&Close != 0, r.codings > 0 && r.lengths > 0:
		return false
	}
	return r.Minor > 0 || r.Flags&KeepAlive != 0
}

// Proto returns the protocol's name and version, such as "HTTP/1.1".
func (r *Response) Proto() string { return protos[8*r.Minor : 8*r.Minor+8] }

// Len returns the number of fields.
func (r *Response) Len() int { return int(r.count) }

// Fields calls yield for each field, in order.
func (r *Response) Fields(yield func(Field) bool) { eachField(r.fields, yield) }

// Value returns the value of the first field with that name, "" if there is
// none.
func (r *Response) Value(name string) string {
	for f := range r.Fields {
		if EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}
