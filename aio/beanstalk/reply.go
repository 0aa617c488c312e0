package beanstalk

import (
	"bytes"
	"fmt"
	"math"
)

// reply is a response of the server.
type reply struct {
	word    word
	id      uint64
	count   uint64
	name    string
	size    int    // of the body, if any
	body    []byte // not shared
	skipped bool   // the body was too long, and was dropped
}

const (
	// bytes of a line with its CR LF; the longest has 208
	maxReplyLine = 224
	maxInfo      = 16 << 20 // bytes of a list or of statistics
	// bytes of a job that a server can be set to accept (its option -z)
	maxBody = 1 << 30
)

// parser splits the server's data into responses. It keeps only what has
// arrived of one.
type parser struct {
	maxJob int // limit for keeping a job, in bytes

	line []byte // the incomplete line
	r    reply
	left int // bytes missing of the body, including the CR LF after it
}

// next consumes bytes of data, and returns how many, and the response if it is
// complete. Until then it consumes all of data. It must not be called again
// after an error, which is an ErrProtocol.
func (p *parser) next(data []byte) (n int, r reply, done bool, err error) {
	if p.left == 0 {
		if n, err = p.takeLine(data); err != nil || n < 0 {
			return len(data), reply{}, false, err
		}
	}
	if p.left > 0 {
		took, err := p.takeBody(data[n:])
		n += took
		if err != nil || p.left > 0 {
			return n, reply{}, false, err
		}
	}
	r, p.r = p.r, reply{}
	return n, r, true, nil
}

// takeLine consumes a line, and returns how many bytes of data belong to it, -1
// if its end has not arrived.
func (p *parser) takeLine(data []byte) (int, error) {
	i := bytes.IndexByte(data, '\n')
	part := data
	if i >= 0 {
		part = data[:i+1]
	}
	if len(p.line)+len(part) > maxReplyLine {
		return 0, fmt.Errorf("%w: a line of more than %d bytes: %.40q", ErrProtocol, maxReplyLine, append(p.line, part...))
	}
	if i < 0 {
		p.line = append(p.line, part...)
		return -1, nil
	}
	line := part
	if len(p.line) > 0 {
		p.line = append(p.line, part...)
		line = p.line
		p.line = p.line[:0]
	}
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return 0, fmt.Errorf("%w: a line that does not end with CR LF: %.40q", ErrProtocol, line)
	}
	return i + 1, p.parse(text)
}

// parse parses a line.
func (p *parser) parse(line []byte) error {
	text, rest, more := bytes.Cut(line, []byte(" "))
	form, known := words[wordKey{string(text), more}]
	if !known {
		return fmt.Errorf("%w: %.40q", ErrProtocol, line)
	}
	p.r.word = form.word
	ok := true
	switch form.args {
	case argsNone:
	case argsID:
		p.r.id, ok = jobID(rest)
	case argsCount:
		p.r.count, ok = number(rest)
	case argsName:
		p.r.name = string(rest)
		ok = checkName(p.r.name) == nil
	case argsSize:
		ok = p.expect(rest, maxInfo, maxInfo)
	case argsIDSize:
		id, size, two := bytes.Cut(rest, []byte(" "))
		if p.r.id, ok = jobID(id); ok {
			ok = two && p.expect(size, p.maxJob, maxBody)
		}
	}
	if !ok {
		return fmt.Errorf("%w: %.40q", ErrProtocol, line)
	}
	return nil
}

// expect begins a body, which is dropped if it has more than keep bytes.
func (p *parser) expect(size []byte, keep, most int) bool {
	n, ok := number(size)
	if !ok || n > uint64(most) {
		return false
	}
	p.r.size = int(n)
	p.r.skipped = int(n) > keep
	p.left = int(n) + 2
	return true
}

// takeBody consumes the arrived part of the body and of the CR LF after it.
func (p *parser) takeBody(data []byte) (int, error) {
	n := 0
	if of := min(p.left-2, len(data)); of > 0 {
		switch {
		case p.r.skipped:
		case p.r.body == nil && of == p.r.size:
			p.r.body = bytes.Clone(data[:of])
		default:
			p.r.body = append(p.r.body, data[:of]...)
		}
		n, p.left = of, p.left-of
	}
	for p.left <= 2 && p.left > 0 && n < len(data) {
		if data[n] != "\n\r"[p.left-1] {
			return n, fmt.Errorf("%w: byte %#02x after a body of %d bytes", ErrProtocol, data[n], p.r.size)
		}
		n, p.left = n+1, p.left-1
	}
	return n, nil
}

// number parses a decimal number: digits only, without leading zeros.
func number(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// jobID parses the ID of a job, which is never 0.
func jobID(text []byte) (uint64, bool) {
	id, ok := number(text)
	return id, ok && id != 0
}
