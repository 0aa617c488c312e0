package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The envelope is a line of text before the body: a word with the version, and
// a JSON object.
//
//	aio.job/1 {"id":"7Q...","queue":"mail","at":"2026-01-02T15:04:05Z","type":"text/plain"}
const (
	magic     = "aio.job/"
	version   = magic + "1 "
	maxHeader = 8 << 10 // bytes of the line
	maxMeta   = 32
	maxCount  = 1 << 20 // attempts
)

// header is the JSON object. parseHeader knows its names.
type header struct {
	ID       ID                `json:"id"`
	Queue    string            `json:"queue"`
	Attempts int               `json:"attempts,omitempty"`
	At       time.Time         `json:"at"`
	Type     string            `json:"type,omitempty"`
	Meta     map[string]string `json:"meta,omitempty"`
}

// Encode returns the bytes that a driver puts into a queue for a job, and the
// job's ID, which is new if j has none. Its errors are ErrInvalid. The output
// is at most 8 KiB larger than j.Body. It does not contain j.Delay, which the
// driver handles.
func Encode(queue string, j Job) ([]byte, ID, error) {
	h := header{ID: j.ID, Queue: queue, Attempts: j.Attempt, At: j.Enqueued, Type: j.Type, Meta: j.Meta}
	if h.ID == "" {
		h.ID = NewID()
	}
	if h.At.IsZero() {
		h.At = time.Now()
	}
	h.At = h.At.UTC().Round(0)
	if err := h.check(); err != nil {
		return nil, "", err
	}
	var buf bytes.Buffer
	buf.Grow(256 + len(j.Body))
	buf.WriteString(version)
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&h); err != nil { // ends with a newline
		return nil, "", fmt.Errorf("%w job: %w", ErrInvalid, err)
	}
	if buf.Len() > maxHeader {
		return nil, "", fmt.Errorf("%w job: its envelope takes %d bytes of %d", ErrInvalid, buf.Len(), maxHeader)
	}
	buf.Write(j.Body)
	return buf.Bytes(), h.ID, nil
}

// Decode returns the job in a broker's delivery. Data that does not begin as an
// envelope, with "aio.job/", is a foreign job: all of it is the Body, and ID is
// derived from BrokerID. Queue is the delivery's, and Attempt the sum of the
// attempts before the job was put and d.Attempts.
//
// Its errors are ErrVersion, for a version of the envelope that this package
// does not know, and ErrInvalid. The job then has what is known without Data.
// Decode accepts the output of Encode, and data of other programs in the same
// format: see the package documentation.
func Decode(d Delivery) (Job, error) {
	j := Job{ID: foreignID(d.BrokerID), Queue: d.Queue, Attempt: max(d.Attempts, 1)}
	if !bytes.HasPrefix(d.Data, []byte(magic)) {
		j.Body = d.Data
		return j, nil
	}
	line, body, ok := bytes.Cut(d.Data[:min(len(d.Data), maxHeader)], []byte("\n"))
	if ok {
		body = d.Data[len(line)+1:]
	}
	text, known := bytes.CutPrefix(line, []byte(version))
	switch {
	case !known && isVersion(line):
		return j, fmt.Errorf("%w: %.20q", ErrVersion, line)
	case !known || !ok:
		return j, fmt.Errorf("%w envelope: %.40q", ErrInvalid, line)
	}
	h, err := parseHeader(text)
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return j, err
	}
	j.ID, j.Type, j.Meta, j.Enqueued, j.Body = h.ID, h.Type, h.Meta, h.At, body
	j.Attempt += h.Attempts
	return j, nil
}

// isVersion reports whether a line begins with the word of any version.
func isVersion(line []byte) bool {
	word, _, ok := bytes.Cut(line[len(magic):], []byte(" "))
	return ok && len(word) > 0 && len(word) <= 4 && len(bytes.Trim(word, "0123456789")) == 0
}

// foreignID derives an ID from a broker's.
func foreignID(broker string) ID {
	id := strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, broker[:min(len(broker), maxID)])
	if id == "" {
		id = "unknown"
	}
	return ID(id)
}
