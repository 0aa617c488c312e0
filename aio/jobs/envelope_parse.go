package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// parseHeader parses the JSON object of an envelope. It accepts each name once,
// in exactly its spelling, and no others: it refuses input that two parsers may
// read in two ways.
func parseHeader(text []byte) (*header, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, fmt.Errorf("%w envelope: not JSON: %.80q", ErrInvalid, text)
	}
	p := &parser{rest: text}
	h := new(header)
	seen := p.object(func(name string) { p.field(h, name) })
	for _, name := range []string{"id", "queue", "at"} {
		if !slices.Contains(seen, name) {
			p.fail("no " + name)
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return h, nil
}

// parser reads valid JSON, up to the first error. A Decoder of package json would
// make more than half of all allocations for a job.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w envelope: %.80s", ErrInvalid, what)
	}
}

// field reads the value of a name.
func (p *parser) field(h *header, name string) {
	switch name {
	case "id":
		h.ID = ID(p.text())
	case "queue":
		h.Queue = p.text()
	case "type":
		h.Type = p.text()
	case "attempts":
		h.Attempts = p.number()
	case "at":
		h.At = p.time()
	case "meta":
		h.Meta = make(map[string]string)
		p.object(func(key string) {
			if h.Meta[key] = p.text(); len(h.Meta) > maxMeta {
				p.fail("too many entries of meta")
			}
		})
	default:
		p.fail("unknown " + strconv.Quote(name))
	}
}

// object reads an object, and calls value for each name. It returns the names.
func (p *parser) object(value func(name string)) (seen []string) {
	if !p.take('{') {
		p.fail("no object")
	}
	for p.err == nil && !p.take('}') {
		name := p.text()
		if slices.Contains(seen, name) {
			p.fail("twice " + strconv.Quote(name))
			break
		}
		seen = append(seen, name)
		p.take(':')
		value(name)
		p.take(',')
	}
	return seen
}

// take reads a character, behind space, if it is the next one.
func (p *parser) take(c byte) bool {
	p.rest = bytes.TrimLeft(p.rest, " \t\r\n")
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// text reads a string.
func (p *parser) text() string {
	if p.err != nil || !p.take('"') {
		p.fail("no string")
		return ""
	}
	end, escaped := 0, false
	for p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	raw := p.rest[:end]
	p.rest = p.rest[end+1:]
	if !escaped {
		return string(raw)
	}
	var s string
	if err := json.Unmarshal(slices.Concat([]byte{'"'}, raw, []byte{'"'}), &s); err != nil {
		p.fail(err.Error())
	}
	return s
}

// number reads a number of attempts.
func (p *parser) number() int {
	p.take(0) // space
	end := max(bytes.IndexAny(p.rest, " \t\r\n,}]"), 0)
	v, err := strconv.ParseUint(string(p.rest[:end]), 10, 31)
	if err != nil {
		p.fail("no count")
	}
	p.rest = p.rest[end:]
	return int(v)
}

// time reads a time in the form of RFC 3339.
func (p *parser) time() (t time.Time) {
	if err := t.UnmarshalText([]byte(p.text())); err != nil {
		p.fail("no time")
	}
	return t.UTC()
}
