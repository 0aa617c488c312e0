package memnet

// Sizes of a ring's memory in bytes.
const (
	ringMin  = 512  // the first allocation
	ringKeep = 4096 // the most that an empty ring keeps
)

// A ring is a queue of at most limit bytes. It allocates as it fills, and
// releases large memory when it is empty, so idle connections stay small.
type ring struct {
	buf   []byte
	head  int // index in buf of the first byte
	n     int // bytes queued
	limit int
}

// write queues as much of p as fits and returns how much.
func (r *ring) write(p []byte) int {
	p = p[:min(len(p), r.limit-r.n)]
	r.grow(r.n + len(p))
	if len(p) == 0 {
		return 0
	}
	tail := (r.head + r.n) % len(r.buf)
	k := copy(r.buf[tail:], p)
	copy(r.buf, p[k:])
	r.n += len(p)
	return len(p)
}

// read removes up to len(p) bytes from the queue and returns how many.
func (r *ring) read(p []byte) int {
	p = p[:min(len(p), r.n)]
	if len(p) == 0 {
		return 0
	}
	k := copy(p, r.buf[r.head:])
	copy(p[k:], r.buf)
	r.head = (r.head + len(p)) % len(r.buf)
	r.n -= len(p)
	if r.n == 0 {
		r.head = 0
		if len(r.buf) > ringKeep {
			r.buf = nil
		}
	}
	return len(p)
}

// clear drops all that is queued.
func (r *ring) clear() { *r = ring{limit: r.limit} }

// grow makes room for a total of need bytes; need is at most limit.
func (r *ring) grow(need int) {
	if need <= len(r.buf) {
		return
	}
	buf := make([]byte, min(r.limit, max(ringMin, 2*len(r.buf), need)))
	k := copy(buf, r.buf[r.head:min(r.head+r.n, len(r.buf))])
	copy(buf[k:], r.buf[:r.n-k])
	r.buf, r.head = buf, 0
}
