package jobs

import (
	"fmt"
	"unicode/utf8"
)

const (
	maxID    = 128
	maxType  = 128
	maxKey   = 64
	maxValue = 1024
)

// check returns an ErrInvalid if the header is not allowed in an envelope.
func (h *header) check() error {
	switch {
	case h.ID == "" || len(h.ID) > maxID || !isToken(string(h.ID)):
		return fmt.Errorf("%w job ID %.140q", ErrInvalid, h.ID)
	case len(h.Type) > maxType || !isPlain(h.Type):
		return fmt.Errorf("%w job type %.140q", ErrInvalid, h.Type)
	case h.Attempts < 0 || h.Attempts > maxCount:
		return fmt.Errorf("%w job: %d attempts", ErrInvalid, h.Attempts)
	case h.At.Year() < 1970 || h.At.Year() > 9999:
		return fmt.Errorf("%w job: put in the year %d", ErrInvalid, h.At.Year())
	case len(h.Meta) > maxMeta:
		return fmt.Errorf("%w job: %d entries of Meta", ErrInvalid, len(h.Meta))
	}
	for k, v := range h.Meta {
		if k == "" || len(k) > maxKey || !isToken(k) || len(v) > maxValue || !utf8.ValidString(v) {
			return fmt.Errorf("%w job: Meta[%.70q]", ErrInvalid, k)
		}
	}
	return CheckQueue(h.Queue)
}

// isToken reports whether s is printable ASCII without spaces.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isPlain reports whether s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
