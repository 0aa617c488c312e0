package memnet

import "testing"

func TestRingMemory(t *testing.T) {
	r := ring{limit: 64 << 10}
	if n := r.write(nil); n != 0 || r.buf != nil {
		t.Fatalf("write(nil) = %d, %d bytes held", n, len(r.buf))
	}
	r.write(make([]byte, 10))
	r.read(make([]byte, 10))
	if len(r.buf) != ringMin {
		t.Errorf("after little: %d bytes held", len(r.buf))
	}
	if n := r.write(make([]byte, 100<<10)); n != r.limit || len(r.buf) != r.limit {
		t.Errorf("too much: wrote %d, %d bytes held", n, len(r.buf))
	}
	r.read(make([]byte, 100<<10))
	if len(r.buf) != 0 {
		t.Errorf("after much: %d bytes held", len(r.buf))
	}
}
