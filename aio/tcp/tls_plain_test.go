package tcp_test

import (
	"context"
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// TestNotTLS checks what a client gets that does not speak TLS, in both styles,
// and that its connection is a failed handshake like any other.
func TestNotTLS(t *testing.T) {
	const word = "TLS, please\n"
	cfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	for _, k := range []struct {
		name, say, want string
		notTLS          string
	}{
		{"text", "hello\n", word, word},
		{"long text", strings.Repeat("hello ", 100000), word, word},
		{"no word", "hello\n", "", ""},
		{"no text", "\x00\x01\x02\x03\x04", "", word},
		{"not all text", "hell\n", "", word},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(k.name, func(t *testing.T) {
				var events []error
				l := &aio.Loop{OnEvent: func(e aio.Event) { events = append(events, e.Err) }}
				inBubble(t, l, func(b *bubble) {
					events = nil
					s := &tcp.Server{TLS: cfg, NotTLS: k.notTLS, Handler: tcp.Handler{Open: func(*tcp.Conn) { t.Error("open") }}}
					if stream {
						s.Stream = func(context.Context, *tcp.Conn) error {
							t.Error("open")
							return nil
						}
					}
					c := b.dial(b.start(s))
					defer c.Close()
					go io.WriteString(c, k.say) // of which not all may be taken
					begun := time.Now()
					got, _ := io.ReadAll(c)
					if took := time.Since(begun); string(got) != k.want || took > 0 {
						t.Errorf("got %q after %v, want %q", got, took, k.want)
					}
					c.Close()
					if synctest.Wait(); len(events) != 1 || !strings.Contains(events[0].Error(), "does not look like") {
						t.Errorf("events %v", events)
					}
					l.Exit(nil)
				})
			})
		}
	}
}

// TestNotTLSStays checks that a client which stays is not waited for for long,
// and does not hold the loop open.
func TestNotTLSStays(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	for _, exit := range []bool{false, true} {
		inBubble(t, &aio.Loop{OnEvent: func(aio.Event) {}}, func(b *bubble) {
			c := b.dial(b.start(&tcp.Server{TLS: cfg, NotTLS: "no", Handler: echo}))
			io.WriteString(c, "hello")
			wantRead(b, c, "no")
			wantEOF(b, c)
			begun := time.Now()
			if exit {
				b.loop.Exit(nil)
			}
			for {
				if _, err := io.WriteString(c, "more"); err != nil {
					break
				}
				time.Sleep(time.Second)
			}
			if took := time.Since(begun); took > 7*time.Second {
				b.Errorf("closed after %v", took)
			}
			b.loop.Exit(nil)
		})
	}
}
