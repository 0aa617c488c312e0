package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	p := &parser{dec: json.NewDecoder(bytes.NewReader(text)), seen: make(map[string]bool)}
	p.dec.UseNumber()
	h := new(header)
	p.object(p.seen, func(name string) { p.field(h, name) })
	for _, name := range []string{"id", "queue", "at"} {
		if p.err == nil && !p.seen[name] {
			p.fail("no " + name)
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return h, nil
}

// parser reads an object token by token, up to the first error.
type parser struct {
	dec  *json.Decoder
	seen map[string]bool
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
		p.object(make(map[string]bool), func(key string) {
			if h.Meta[key] = p.text(); len(h.Meta) > maxMeta {
				p.fail("too many entries of meta")
			}
		})
	default:
		p.fail("unknown " + strconv.Quote(name))
	}
}

// object reads an object, and calls value for each name.
func (p *parser) object(seen map[string]bool, value func(name string)) {
	if p.token() != json.Delim('{') {
		p.fail("no object")
	}
	for p.err == nil && p.dec.More() {
		name := p.text()
		if seen[name] {
			p.fail("twice " + strconv.Quote(name))
			return
		}
		seen[name] = true
		value(name)
	}
	p.token() // the end, since the text is valid
}

// token reads a token, nil after an error.
func (p *parser) token() json.Token {
	if p.err != nil {
		return nil
	}
	t, err := p.dec.Token()
	if err != nil {
		p.fail(err.Error())
		return nil
	}
	return t
}

// text reads a string.
func (p *parser) text() string {
	s, ok := p.token().(string)
	if !ok {
		p.fail("no string")
	}
	return s
}

// number reads a number of attempts.
func (p *parser) number() int {
	n, _ := p.token().(json.Number)
	v, err := strconv.ParseUint(n.String(), 10, 31)
	if err != nil {
		p.fail("no count")
	}
	return int(v)
}

// time reads a time in the form of RFC 3339.
func (p *parser) time() (t time.Time) {
	if err := t.UnmarshalText([]byte(p.text())); err != nil {
		p.fail("no time")
	}
	return t.UTC()
}
