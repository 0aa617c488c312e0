package dnsx

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
)

// idSource hands out query IDs that nobody can predict (RFC 5452, section 9.2).
// The zero value is ready.
type idSource struct {
	mu   sync.Mutex
	buf  [512]byte // random bytes: one read is for many IDs
	left int
}

// next returns an ID.
func (s *idSource) next() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		rand.Read(s.buf[:]) // it does not fail: it ends the program
		s.left = len(s.buf)
	}
	s.left -= 2
	id := s.buf[s.left:][:2]
	n := binary.BigEndian.Uint16(id)
	clear(id)
	return n
}
