package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// ErrEventTooLarge is the error of a stream with an event, or a line, that is
// larger than Reconnect.MaxEvent.
var ErrEventTooLarge = errors.New("httpx: the server-sent event is too large")

// eventParser parses a stream of server-sent events as it arrives (HTML
// standard, section 9.2.6). It keeps the incomplete event and line.
type eventParser struct {
	limit   int // for a line, and for an event's data
	begun   bool
	skipLF  bool   // the last byte was a CR, whose LF may follow
	comment bool   // the rest of the line is a comment
	line    []byte // the incomplete line
	data    []byte // with an LF after each line
	kind    string
	retry   time.Duration
	again   time.Duration // the stream's last retry; -1: there was none
	id      string        // of the last id field
	last    string        // the last event ID: id at the end of the last block
}

// newEventParser returns a parser for a stream. last is the last event ID of
// the stream before.
func newEventParser(limit int, last string) *eventParser {
	return &eventParser{limit: limit, id: last, last: last, again: -1}
}

// next parses p up to the end of the next event. It returns how many bytes it
// has consumed, and the event, nil if it does not end within p.
func (s *eventParser) next(p []byte) (n int, e *ServerEvent, err error) {
	for n < len(p) && e == nil && err == nil {
		if s.skipLF {
			if s.skipLF = false; p[n] == '\n' {
				n++
				continue
			}
		}
		if len(s.line) == 0 && p[n] == ':' && s.begun {
			s.comment = true
		}
		end := bytes.IndexAny(p[n:], "\r\n")
		if end < 0 {
			return len(p), nil, s.hold(p[n:])
		}
		if err = s.hold(p[n : n+end]); err == nil {
			e, err = s.endLine()
		}
		n += end + 1
		s.skipLF = p[n-1] == '\r'
	}
	return n, e, err
}

// hold appends to the line.
func (s *eventParser) hold(p []byte) error {
	if s.comment {
		return nil
	}
	if len(p) > s.limit-len(s.line) {
		return fmt.Errorf("%w: a line of over %d bytes", ErrEventTooLarge, s.limit)
	}
	s.line = append(s.line, p...)
	return nil
}

// endLine handles a complete line.
func (s *eventParser) endLine() (*ServerEvent, error) {
	line := s.line
	s.line = line[:0]
	if s.comment {
		s.comment = false
		return nil, nil
	}
	if !s.begun {
		s.begun = true
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	if len(line) == 0 {
		return s.dispatch(), nil
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	return nil, s.field(string(name), bytes.TrimPrefix(value, []byte(" ")))
}

// field handles a field. It ignores unknown fields, and comments, which have no
// name.
func (s *eventParser) field(name string, value []byte) error {
	switch name {
	case "data":
		if len(value)+1 > s.limit-len(s.data) {
			return fmt.Errorf("%w: over %d bytes", ErrEventTooLarge, s.limit)
		}
		s.data = append(append(s.data, value...), '\n')
	case "event":
		s.kind = decodeUTF8(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			s.id = decodeUTF8(value)
		}
	case "retry":
		if d, ok := milliseconds(value); ok {
			s.retry, s.again = d, d
		}
	}
	return nil
}

// dispatch ends a block of fields. It returns the event, nil for a block
// without data.
func (s *eventParser) dispatch() (e *ServerEvent) {
	s.last = s.id
	if n := len(s.data); n > 0 {
		e = &ServerEvent{ID: s.last, Type: s.kind, Data: decodeUTF8(s.data[:n-1]), Retry: s.retry}
		if e.Type == "" {
			e.Type = "message"
		}
	}
	if s.data = s.data[:0]; cap(s.data) > keptEvent {
		s.data = nil
	}
	if len(s.line) == 0 && cap(s.line) > keptEvent {
		s.line = nil
	}
	s.kind, s.retry = "", 0
	return e
}

// keptEvent bounds the memory that is kept for the next event.
const keptEvent = 4 << 10

// milliseconds returns the time of a retry field, which must be digits only. It
// is at most 29 years.
func milliseconds(value []byte) (time.Duration, bool) {
	const most = math.MaxInt64 / int64(time.Millisecond) / 10
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), most)
	}
	return time.Duration(n) * time.Millisecond, len(value) > 0
}

// decodeUTF8 decodes as browsers do: it replaces each maximal part of an
// invalid sequence by one U+FFFD (Encoding standard, "UTF-8 decode without
// BOM").
func decodeUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = invalidPart(b)
		}
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return string(out)
}

// invalidPart returns the length of the part of an invalid sequence at the
// beginning of b that is replaced by one U+FFFD.
func invalidPart(b []byte) int {
	low, high, more := byte(0x80), byte(0xbf), 0
	switch c := b[0]; {
	case 0xc2 <= c && c <= 0xdf:
		more = 1
	case 0xe0 <= c && c <= 0xef:
		more = 2
	case 0xf0 <= c && c <= 0xf4:
		more = 3
	}
	switch b[0] {
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	n := 1
	for n <= more && n < len(b) && low <= b[n] && b[n] <= high {
		n++
		low, high = 0x80, 0xbf
	}
	return n
}
