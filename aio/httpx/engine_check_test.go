package httpx

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func newCheck() *wireCheck { return &wireCheck{maxBytes: 4096, maxFields: 20} }

// FuzzWireCheck holds that the check says the same however the bytes arrive, that what it refuses the parser refuses once
// it is poisoned, and that the two agree where one request ends and the next begins.
func FuzzWireCheck(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n\r\nanything\n\n",
		"GET / HTTP/1.1\nHost: h\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		whole := newCheck()
		n := whole.feed(data)
		pieces := newCheck()
		m := 0
		for m < len(data) && pieces.refused == 0 {
			part := data[m:min(m+1+int(step), len(data))]
			ok := pieces.feed(part)
			if ok < len(part) && pieces.refused == 0 {
				t.Fatalf("stopped at %d without refusing", m+ok)
			}
			m += ok
		}
		if whole.refused != pieces.refused || whole.state != pieces.state && whole.refused == 0 {
			t.Fatalf("whole: %d in state %d; in pieces: %d in state %d", whole.refused, whole.state, pieces.refused, pieces.state)
		}
		agree(t, data[:n], whole)
		agree(t, data[:m], pieces)
	})
}

// agree has the parser read what the check passed on, and then the poison if there is any.
func agree(t *testing.T, passed []byte, k *wireCheck) {
	var in io.Reader = bytes.NewReader(passed)
	if k.refused != 0 {
		in = io.MultiReader(in, io.LimitReader(poisoned{k}, 64<<10))
	}
	r := bufio.NewReader(in)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return // the end, or refused by the parser too
		}
		for _, v := range req.Header {
			if strings.ContainsAny(strings.Join(v, ""), "\x00") {
				return // which net/http's server refuses
			}
		}
		if strings.Contains(req.Host, "\x00") || k.state == checkRaw && k.refused == 0 {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		if k.refused == 0 {
			continue
		}
		if rest, _ := r.Peek(1); len(rest) == 0 {
			t.Fatalf("the parser read all of a stream that was refused: %q", passed)
		}
	}
}

// poisoned reads the poison.
type poisoned struct{ k *wireCheck }

func (p poisoned) Read(b []byte) (int, error) { return p.k.poison(b), nil }

// TestWireCheckKeepsNothing holds that a check between two requests holds no memory.
func TestWireCheckKeepsNothing(t *testing.T) {
	k := newCheck()
	for _, c := range "GET / HTTP/1.1\r\nHost: h\r\n\r\n" {
		k.feed([]byte{byte(c)})
	}
	if !k.idle() || k.line != nil {
		t.Errorf("idle %v, line %q", k.idle(), k.line)
	}
}

func BenchmarkWireCheck(b *testing.B) {
	req := []byte("GET /plaintext HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\nAccept-Encoding: gzip\r\n\r\n")
	k := newCheck()
	b.ReportAllocs()
	for b.Loop() {
		k.feed(req)
	}
}
