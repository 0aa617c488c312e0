package tcp

import "bytes"

// framePart is an incomplete frame, with its delimiter or prefix.
type framePart struct{ buf []byte }

// add appends the part of p that belongs to the frame, which begins with buf.
// It returns how much that is: all of p unless the frame is now complete or an
// error is returned.
func (s *framePart) add(f *Framing, p []byte) (n int, whole bool, err error) {
	old := len(s.buf)
	if f.size > 0 {
		whole, err = s.addPrefixed(f, p)
	} else if whole = s.addDelimited(p[:min(len(p), f.most()-old)], f.delim, f.most()); !whole {
		err = f.hopeless(s.buf)
	}
	return len(s.buf) - old, whole, err
}

// addPrefixed appends to a frame with a length prefix. It reports whether the
// frame is now complete.
func (s *framePart) addPrefixed(f *Framing, p []byte) (bool, error) {
	for {
		need, err := f.need(s.buf)
		if err != nil {
			return false, err
		}
		n := min(need-len(s.buf), len(p))
		if n == 0 {
			return len(s.buf) == need, nil
		}
		s.append(p[:n], need)
		p = p[n:]
	}
}

// addDelimited appends p, up to the end of the first delim if there is one, to
// a frame of at most most bytes including delim.
func (s *framePart) addDelimited(p, delim []byte, most int) (found bool) {
	old := len(s.buf)
	// a delim across the seam
	if head := min(len(p), len(delim)-1); old > 0 && head > 0 {
		from := max(0, old-len(delim)+1)
		s.append(p[:head], most)
		if i := bytes.Index(s.buf[from:], delim); i >= 0 {
			s.buf = s.buf[:from+i+len(delim)]
			return true
		}
		s.buf = s.buf[:old]
	}
	i := bytes.Index(p, delim)
	if i >= 0 {
		p = p[:i+len(delim)]
	}
	s.append(p, most)
	return i >= 0
}

// append appends p to buf, which will have at most most bytes.
func (s *framePart) append(p []byte, most int) {
	s.grow(len(p), most)
	s.buf = append(s.buf, p...)
}

// grow makes room for n more bytes of a total of at most most, and at most
// doubles buf.
func (s *framePart) grow(n, most int) {
	need := len(s.buf) + n
	if need <= cap(s.buf) {
		return
	}
	size := min(most, max(need, addLengths(cap(s.buf), cap(s.buf))))
	s.buf = append(make([]byte, 0, size), s.buf...)
}
