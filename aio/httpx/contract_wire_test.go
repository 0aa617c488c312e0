package httpx_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wireConn is a client that writes and reads the bytes of a connection itself.
type wireConn struct {
	s *side
	net.Conn
	r *bufio.Reader
}

// Read reads from the connection. That nothing comes fails the test: it would
// be the same on both servers.
func (p *wireConn) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.s.Error("nothing came, and not the connection's end")
	}
	return n, err
}

// dial connects to the server. The connection is closed at the case's end.
func (s *side) dial() *wireConn {
	s.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.Fatalf("net.Dial: %v", err)
	}
	c.SetDeadline(time.Now().Add(patience))
	if s.tls {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	s.atEnd(func() { c.Close() })
	p := &wireConn{s: s, Conn: c}
	p.r = bufio.NewReader(p)
	return p
}

// exchange sends each text, notes the answer to it before it sends the next,
// and then whether the connection is open.
func (s *side) exchange(texts ...string) {
	p := s.dial()
	for _, text := range texts {
		p.say(text)
		method, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), " ")
		p.answer(method)
	}
	p.probe()
}

// say sends text. That the server has closed the connection is seen when its
// answer is read.
func (p *wireConn) say(text string) { io.WriteString(p.Conn, text) }

// closeWrite ends what the client sends.
func (p *wireConn) closeWrite() {
	if err := p.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		p.s.Errorf("closing what is sent: %v", err)
	}
}

// answer reads the answer to a request, and the interim ones before it, and
// notes all of them. It reports whether another may follow.
func (p *wireConn) answer(method string) bool {
	for {
		m := p.head()
		more := m.err == nil && m.status >= 100 && m.status < 200 && m.status != 101
		if m.err == nil && !more {
			p.body(m, method)
		}
		for _, line := range m.lines {
			p.s.saw("%s", line)
		}
		if m.err != nil {
			p.s.saw("closed")
			return false
		}
		if !more {
			return !m.toEnd
		}
	}
}

// probe notes whether the connection takes another request.
func (p *wireConn) probe() {
	p.say("GET " + probePath + " HTTP/1.1\r\nHost: h\r\n\r\n")
	m := p.head()
	switch {
	case errors.Is(m.err, errEnd):
		p.s.saw("then closed")
	case m.err == nil && m.has("X-Probe: open"):
		p.s.saw("then open")
	default:
		p.s.saw("then %q", m.lines)
	}
}

var anyDate = regexp.MustCompile(`Date: [A-Z][a-z]{2}, [0-9A-Za-z: ]+ GMT`)

// rest notes all that comes until the connection ends.
func (p *wireConn) rest() {
	all, _ := io.ReadAll(p.r) // a connection may end in many ways
	p.s.saw("rest: %s", clipBody(anyDate.ReplaceAll(all, []byte("Date: now"))))
}

// expect reads as many bytes as text has, and notes whether they are text.
func (p *wireConn) expect(text string) {
	got := make([]byte, len(text))
	n, err := io.ReadFull(p.r, got)
	if string(got[:n]) == text {
		p.s.saw("got %s", clipBody(got))
	} else {
		p.s.saw("got %s instead of %s: %v", clipBody(got[:n]), clipBody([]byte(text)), err)
	}
}

// answerText is an answer as it was on the wire, line by line.
type answerText struct {
	lines   []string
	status  int
	length  int64 // -1: none was told
	chunked bool
	toEnd   bool // it ends with the connection
	err     error
}

// has reports whether the answer has a line.
func (m *answerText) has(line string) bool { return slices.Contains(m.lines, line) }

// errEnd is the error of an answer that did not begin.
var errEnd = errors.New("the connection's end")

// ended reports whether err is the connection's end, however it comes: what
// the client has sent and the server has not read makes a reset of it.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "reset")
}

// line reads a line that must end in CRLF.
func (p *wireConn) line() (string, error) {
	line, err := p.r.ReadString('\n')
	if err != nil {
		if line == "" && ended(err) {
			return "", errEnd
		}
		return line, fmt.Errorf("%q, then %w", line, err)
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", fmt.Errorf("bad line %q", line)
	}
	return controls.ReplaceAllStringFunc(text, func(c string) string { return fmt.Sprintf("\\x%02x", c) }), nil
}

var controls = regexp.MustCompile("[\x00-\x1f\x7f]")

// head reads an answer up to its body. Fields are sorted by name; the Date is
// not part of what is compared if it is right.
func (p *wireConn) head() *answerText {
	m := &answerText{length: -1}
	line, err := p.line()
	if m.err = err; err != nil {
		return m
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, ok := strings.Cut(rest, " ")
	if m.status, err = strconv.Atoi(code); err != nil || !ok || len(code) != 3 || !strings.HasPrefix(version, "HTTP/1.") {
		return m.bad(line)
	}
	fields := p.fields(m)
	slices.SortStableFunc(fields, func(a, b string) int {
		return strings.Compare(strings.ToLower(nameOf(a)), strings.ToLower(nameOf(b)))
	})
	m.lines = append(append([]string{line}, fields...), m.lines...)
	return m
}

func nameOf(field string) string {
	name, _, _ := strings.Cut(field, ":")
	return name
}

// bad notes malformed data.
func (m *answerText) bad(line string) *answerText {
	m.err = fmt.Errorf("bad line")
	m.lines = append(m.lines, "bad: "+line)
	return m
}

// fields reads fields up to the empty line.
func (p *wireConn) fields(m *answerText) (out []string) {
	for {
		line, err := p.line()
		if err != nil {
			m.err = err
			m.lines = append(m.lines, "cut off within the header")
			return out
		}
		if line == "" {
			return out
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			m.bad(line)
			return out
		}
		switch strings.ToLower(name) {
		case "date":
			if at, err := time.Parse(http.TimeFormat, value); err == nil && time.Since(at).Abs() < time.Hour {
				line = "Date: now"
			}
		case "content-length":
			if n, err := strconv.ParseUint(value, 10, 63); err != nil || m.length >= 0 {
				m.bad(line)
			} else {
				m.length = int64(n)
			}
		case "transfer-encoding":
			if m.chunked = value == "chunked"; !m.chunked {
				m.bad(line)
			}
		}
		out = append(out, line)
	}
}

// body reads the body that an answer to a request has.
func (p *wireConn) body(m *answerText, method string) {
	var b bytes.Buffer
	var err error
	how := "length"
	switch {
	case method == "HEAD" || m.status == 204 || m.status == 304 || m.status == 101 || method == "CONNECT" && m.status/100 == 2:
		return
	case m.chunked:
		how = "chunked"
		err = p.chunks(&b, m)
	case m.length >= 0:
		_, err = io.CopyN(&b, p.r, m.length)
	default:
		how, m.toEnd = "to the end", true
		if _, err = io.Copy(&b, p.r); err != nil && strings.Contains(err.Error(), "reset") {
			err = io.EOF
		}
	}
	body := fmt.Sprintf("body (%s): %s", how, clipBody(b.Bytes()))
	if err != nil {
		m.err = err
		body += ", cut off"
	}
	at := len(m.lines)
	for i, line := range m.lines {
		if strings.HasPrefix(line, "trailer ") {
			at = i
			break
		}
	}
	m.lines = slices.Insert(m.lines, at, body)
}

// chunks reads a chunked body.
func (p *wireConn) chunks(b *bytes.Buffer, m *answerText) error {
	for {
		line, err := p.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(line, 16, 31)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(b, p.r, int64(n)); err != nil {
			return err
		}
		if line, err = p.line(); err != nil || line != "" {
			return fmt.Errorf("%q behind a chunk: %w", line, err)
		}
	}
	fields := p.fields(m)
	slices.Sort(fields)
	for _, line := range fields {
		m.lines = append(m.lines, "trailer "+line)
	}
	return m.err
}

// clipBody is a body as it is noted: a long one by its checksum.
func clipBody(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("%d bytes %.20q... %08x", len(b), b, crc32.ChecksumIEEE(b))
	}
	return fmt.Sprintf("%q", b)
}
