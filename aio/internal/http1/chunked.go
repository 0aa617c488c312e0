package http1

import (
	"bytes"
	"net/http"
)

// Chunked decodes the chunked transfer coding (RFC 9112, section 7.1) of data
// that arrives in pieces of any size. The zero Chunked, with its Limits set, is
// ready to use.
type Chunked struct {
	Limits          // of the trailer
	Trailer []Field // set once Next has reported the end

	state  chunkState
	left   int64  // bytes missing of the chunk
	line   []byte // an incomplete line, or the trailer so far
	excess int64  // bytes that are not data, beyond the usual overhead
}

// chunkState says what comes next.
type chunkState uint8

const (
	chunkSize    chunkState = iota // the line before a chunk
	chunkData                      // a chunk
	chunkEnd                       // the CRLF after it
	chunkTrailer                   // the trailer, up to its empty line
	chunkOver                      // nothing
)

const (
	// bytes of the line before a chunk, including extensions
	maxChunkLine = 256
	maxExcess    = 16 << 10 // see Chunked.excess
)

// Next decodes what it can of p. It returns a piece of the data, which is a
// part of p and may be empty, how many bytes of p that has used, and the status
// to refuse the body with. It has used all of p or returns some data, unless
// Over reports the end.
func (d *Chunked) Next(p []byte) (data []byte, n, status int) {
	for n < len(p) && d.state != chunkOver {
		if d.state == chunkData {
			m := int(min(d.left, int64(len(p)-n)))
			data, n = p[n:n+m], n+m
			if d.left -= int64(m); d.left == 0 {
				d.state = chunkEnd
			}
			return data, n, 0
		}
		m, status := d.take(p[n:])
		n += m
		if status != 0 {
			return nil, n, status
		}
	}
	return nil, n, 0
}

// Over reports whether the body has ended.
func (d *Chunked) Over() bool { return d.state == chunkOver }

// take processes a line in p, or a part of one.
func (d *Chunked) take(p []byte) (n, status int) {
	most, tooLong := maxChunkLine, http.StatusBadRequest
	if d.state == chunkTrailer {
		most, tooLong = d.Bytes, http.StatusRequestHeaderFieldsTooLarge
	}
	i := bytes.IndexByte(p, '\n')
	if n = i + 1; i < 0 {
		n = len(p)
	}
	if len(d.line)+n > most {
		return n, tooLong
	}
	line := p[:n]
	if len(d.line) > 0 || i < 0 || d.state == chunkTrailer {
		d.line = append(d.line, line...)
		line = d.line
	}
	if i < 0 {
		return n, d.partial()
	}
	if !bytes.HasSuffix(line, crlf) {
		return n, http.StatusBadRequest
	}
	return n, d.lineEnded(line[:len(line)-2])
}

var crlf = []byte("\r\n")

// partial checks the beginning of a line: the body is refused as soon as no
// continuation can be valid. It does not check the length. A trailer is checked
// as a whole.
func (d *Chunked) partial() (status int) {
	ok := true
	switch d.state {
	case chunkEnd:
		ok = bytes.HasPrefix(crlf, d.line)
	case chunkSize:
		line, ended := bytes.CutSuffix(d.line, crlf[:1])
		if !ended && !bytes.Contains(line, []byte(";")) {
			// the only continuation after white space
			line = append(line[:len(line):len(line)], ';')
		}
		_, ok = cutSize(line)
	}
	if !ok {
		return http.StatusBadRequest
	}
	return 0
}

// lineEnded processes a whole line without its CRLF; in the trailer, everything
// so far.
func (d *Chunked) lineEnded(line []byte) (status int) {
	switch d.state {
	case chunkSize:
		status = d.size(line)
	case chunkEnd:
		if d.state = chunkSize; len(line) > 0 {
			status = http.StatusBadRequest
		}
	case chunkTrailer:
		if len(line) > 0 && !bytes.HasSuffix(line, crlf) { // no empty line yet
			return 0
		}
		d.state = chunkOver
		status = d.trailer(string(line))
	}
	d.line = nil
	return status
}

// cutSize parses the size in the line before a chunk, which extensions may
// follow, with white space before them (RFC 9112, section 7.1.1).
func cutSize(line []byte) (n int64, ok bool) {
	digits, ext, has := bytes.Cut(line, []byte(";"))
	if has {
		digits = bytes.TrimRight(digits, " \t")
	}
	n, ok = parseHex(digits)
	return n, ok && all(string(ext), inValue)
}

// size processes the line before a chunk.
func (d *Chunked) size(line []byte) (status int) {
	n, ok := cutSize(line)
	if !ok {
		return http.StatusBadRequest
	}
	if d.excess = max(d.excess+int64(len(line))+2-16-2*n, 0); d.excess > maxExcess {
		return http.StatusBadRequest
	}
	d.state, d.left = chunkData, n
	if n == 0 {
		d.state = chunkTrailer
	}
	return 0
}

// trailer processes the whole trailer, each line with its CRLF.
func (d *Chunked) trailer(s string) (status int) {
	for s != "" {
		f, n := cutField(s)
		switch {
		case n == 0:
			return http.StatusBadRequest
		case len(d.Trailer) == d.Fields:
			return http.StatusRequestHeaderFieldsTooLarge
		}
		d.Trailer = append(d.Trailer, f)
		s = s[n:]
	}
	return 0
}

// parseHex parses 1 to 15 hexadecimal digits.
func parseHex(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	for _, c := range digits {
		v := hexValue(c)
		if v < 0 {
			return 0, false
		}
		n = n<<4 | int64(v)
	}
	return n, true
}

// hexValue returns the value of a hexadecimal digit, -1 for another byte.
func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
