package transport

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
)

// ids is the source of all query IDs.
var ids idSource

// idSource makes query IDs that cannot be predicted (RFC 5452, section 9.2).
// The zero idSource is ready to use.
type idSource struct {
	mu   sync.Mutex
	buf  [512]byte // random bytes, read for many IDs at once
	left int
}

// next returns an ID.
func (s *idSource) next() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		rand.Read(s.buf[:]) // it never returns an error: it crashes the program
		s.left = len(s.buf)
	}
	s.left -= 2
	id := s.buf[s.left:][:2]
	n := binary.BigEndian.Uint16(id)
	clear(id)
	return n
}
