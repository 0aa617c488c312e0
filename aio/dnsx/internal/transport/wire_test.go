package transport

import (
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// newQuery returns a query for the address of www.example.
func newQuery(tb testing.TB) *wire {
	tb.Helper()
	w := &wire{out: make([]byte, 0, 512)}
	if err := w.pack(0x1234, "www.example.", dnsmessage.TypeA, true, false, false); err != nil {
		tb.Fatalf("pack a query: %v", err)
	}
	return w
}

func TestPack(t *testing.T) {
	for _, name := range []string{".", "a.", "www.example."} {
		for _, edns := range []bool{false, true} {
			for _, pad := range []bool{false, true} {
				w := &wire{out: make([]byte, 0, 512)}
				if err := w.pack(77, name, dnsmessage.TypeMX, edns, true, pad); err != nil {
					t.Fatalf("pack a query for %q: %v", name, err)
				}
				var m dnsmessage.Message
				if err := m.Unpack(w.message()); err != nil {
					t.Fatalf("unpack the query for %q: %v", name, err)
				}
				q := m.Questions[0]
				if m.ID != 77 || !m.RecursionDesired || !m.AuthenticData || q.Name.String() != name || q.Type != dnsmessage.TypeMX {
					t.Errorf("the query for MX of %q with ID 77, RD and AD is %+v", name, m)
				}
				if edns != (len(m.Additionals) == 1) {
					t.Errorf("%q, EDNS(0) %v: %d additional records", name, edns, len(m.Additionals))
				}
				if n := len(w.message()); edns && pad && n%padTo != 0 {
					t.Errorf("%q, padded: %d bytes, want a multiple of %d", name, n, padTo)
				}
				if n := int(w.out[0])<<8 | int(w.out[1]); n != len(w.message()) {
					t.Errorf("%q: the length before the message is %d, want %d", name, n, len(w.message()))
				}
				if w.message()[2] |= 0x80; !w.answeredBy(w.message()) {
					t.Errorf("%q, EDNS(0) %v: the query as a response does not count as an answer", name, edns)
				}
			}
		}
	}
	for _, name := range []string{"", "example", "a..b.", "..", string(make([]byte, 300)), strings.Repeat("a", 64) + ".example."} {
		w := &wire{out: make([]byte, 0, 512)}
		if err := w.pack(1, name, dnsmessage.TypeA, true, false, false); err == nil {
			t.Errorf("a query for %q was packed, want an error", name)
		}
	}
}

// A query over an encrypted connection has the least multiple of padTo bytes
// that it fits into.
func TestPadding(t *testing.T) {
	for n := 2; n < 250; n++ {
		name := "a."
		for len(name)+64 < n {
			name += strings.Repeat("b", 63) + "."
		}
		if k := n - len(name); k > 1 {
			name += strings.Repeat("c", k-1) + "."
		}
		w := &wire{out: make([]byte, 0, 512)}
		if err := w.pack(1, name, dnsmessage.TypeA, true, false, true); err != nil {
			t.Fatalf("pack a query for a name of %d bytes: %v", len(name), err)
		}
		least := headerLen + len(name) + 1 + 4 + 11 + 4
		if got, want := len(w.message()), (least+padTo-1)/padTo*padTo; got != want {
			t.Errorf("a name of %d bytes: the query has %d bytes, want %d", len(name), got, want)
		}
	}
}

// A message answers a query only if each byte of the header and the question is
// right. The case of the name does not matter.
func TestAnsweredBy(t *testing.T) {
	w := newQuery(t)
	answer := append([]byte(nil), w.message()[:headerLen+w.qlen]...)
	answer[2] |= 0x80
	answer[11] = 0
	if !w.answeredBy(answer) {
		t.Fatalf("%x is not taken for an answer to %x", answer, w.message())
	}
	const (
		flags1, flags2   = 2, 3
		question, others = 4, 6
	)
	name := headerLen
	typ := headerLen + w.qlen - 4
	for i := range answer {
		for bit := range 8 {
			changed := append([]byte(nil), answer...)
			changed[i] ^= 1 << bit
			want := false
			switch {
			case i == flags1: // the opcode and QR decide; AA, TC and RD do not
				want = 1<<bit&0xF8 == 0
			// RA, the code, the other sections
			case i == flags2, i >= others && i < headerLen:
				want = true
			case i >= name && i < typ: // in the name, the case of letters
				want = bit == 5 && answer[i]|0x20 >= 'a' && answer[i]|0x20 <= 'z'
			}
			if got := w.answeredBy(changed); got != want {
				t.Errorf("answer with bit %d of byte %d changed: taken %v, want %v", bit, i, got, want)
			}
		}
	}
	for n := range answer {
		if w.answeredBy(answer[:n]) {
			t.Errorf("the first %d of %d bytes are taken for an answer", n, len(answer))
		}
	}
}

// Only a header that says FORMERR or NOTIMP, to a query with EDNS(0), may come
// without a question.
func TestAnsweredWithoutQuestion(t *testing.T) {
	for _, edns := range []bool{true, false} {
		w := newQuery(t)
		w.edns = edns
		for rcode := range byte(16) {
			msg := []byte{w.message()[0], w.message()[1], 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0}
			want := edns && (rcode == 1 || rcode == 4)
			if got := w.answeredBy(msg); got != want {
				t.Errorf("bare header with code %d, EDNS(0) %v: taken %v, want %v", rcode, edns, got, want)
			}
			for i := 4; i < headerLen; i++ {
				msg[i] = 1
				if w.answeredBy(msg) {
					t.Errorf("bare header with code %d and byte %d set is taken for an answer", rcode, i)
				}
				msg[i] = 0
			}
		}
	}
}

// IDs spread over all of 16 bits.
func TestIDs(t *testing.T) {
	var s idSource
	seen := map[uint16]int{}
	for range 100_000 {
		seen[s.next()]++
		if s.buf[s.left] != 0 || s.buf[s.left+1] != 0 {
			t.Fatal("an ID that was used is in memory, want it cleared")
		}
	}
	if len(seen) < 45_000 { // 65,536 * (1 - 1/e^1.5) = 50,900 are expected
		t.Errorf("%d different IDs among 100,000, want about 50,900", len(seen))
	}
	for id, n := range seen {
		if n > 20 {
			t.Errorf("ID %d came %d times of 100,000, want 1 or 2", id, n)
		}
	}
}

// bytesConn is a connection that has bytes to read.
type bytesConn struct {
	net.Conn
	in []byte
}

func (c *bytesConn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// seedAnswers returns messages to begin with.
func seedAnswers(w *wire) [][]byte {
	answer := append([]byte(nil), w.message()...)
	answer[2] |= 0x80
	return [][]byte{answer, answer[:len(answer)-3], w.message(), {0x12, 0x34, 0x80, 1, 11: 0}}
}

// FuzzAnswer checks messages that a server may send by UDP.
func FuzzAnswer(f *testing.F) {
	w := newQuery(f)
	for _, raw := range seedAnswers(w) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if w.answeredBy(raw) {
			truncated(raw)
		}
	})
}

// FuzzStream reads messages from a connection.
func FuzzStream(f *testing.F) {
	for _, raw := range seedAnswers(newQuery(f)) {
		f.Add(append([]byte{byte(len(raw) >> 8), byte(len(raw))}, raw...))
	}
	f.Add([]byte{0xFF, 0xFF, 1})
	f.Add([]byte{0, 3, 1, 2, 3})
	f.Fuzz(func(t *testing.T, stream []byte) {
		c := &Call{wire: newQuery(t), Counters: new(Counters)}
		msg, err := c.readStream(&bytesConn{in: stream})
		if err == nil && (!c.answeredBy(msg) || len(msg) > len(stream)) {
			t.Errorf("%x was read from %x, want an answer", msg, stream)
		}
	})
}
