package dnsserver

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// echo makes the server send queries' messages as they are told to.
func echo(t *testing.T, messages ...[]byte) (*Server, net.Conn) {
	t.Helper()
	s := inMemory(t, new(Server))
	s.SetFault(Match{}, Fault{Answer: func(Query, []byte) [][]byte { return messages }})
	return s, dial(t, s, "udp", "192.0.2.53:53")
}

func write(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write(query(t, 1, www, dnsmessage.TypeA, 0)); err != nil {
		t.Fatalf("write a query: %v", err)
	}
}

// Messages keep their boundaries, and what does not fit is lost.
func TestDatagramBoundaries(t *testing.T) {
	t.Parallel()
	_, c := echo(t, []byte("one"), nil, []byte("three"), []byte("4"))
	write(t, c)
	b := make([]byte, 4)
	for _, want := range []string{"one", "", "thre", "4"} {
		n, err := c.Read(b)
		if string(b[:n]) != want || err != nil {
			t.Errorf("%q, %v, want %q", b[:n], err, want)
		}
	}
	p := c.(net.PacketConn)
	write(t, c)
	if n, from, err := p.ReadFrom(b); n != 3 || from.String() != "192.0.2.53:53" || from.Network() != "udp" || err != nil {
		t.Errorf("ReadFrom into 3 bytes: %d, %v, %v, want 3 from 192.0.2.53:53", n, from, err)
	}
	if _, err := p.WriteTo(nil, c.RemoteAddr()); !errors.Is(err, net.ErrWriteToConnected) {
		t.Errorf("WriteTo of a connected socket: %v, want %v", err, net.ErrWriteToConnected)
	}
	if _, err := c.Write(make([]byte, maxMessage)); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("write %d bytes: %v, want %v", maxMessage, err, syscall.EMSGSIZE)
	}
}

func TestDatagramDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := echo(t, []byte("x"))
		fails := func(want error, after time.Duration) {
			t.Helper()
			begin := time.Now()
			_, err := c.Read(make([]byte, 9))
			if d := time.Since(begin); !errors.Is(err, want) || d != after {
				t.Errorf("read: %v after %v, want %v after %v", err, d, want, after)
			}
			if ne, ok := errors.AsType[net.Error](err); errors.Is(want, os.ErrDeadlineExceeded) && (!ok || !ne.Timeout()) {
				t.Errorf("%v is not a timeout, want one", err)
			}
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		fails(os.ErrDeadlineExceeded, time.Second)
		write(t, c)
		fails(os.ErrDeadlineExceeded, 0) // even now that there is something
		c.SetDeadline(time.Time{})
		fails(nil, 0)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		time.AfterFunc(time.Second, func() { c.SetReadDeadline(time.Now().Add(time.Second)) })
		fails(os.ErrDeadlineExceeded, 2*time.Second) // moved meanwhile
		c.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { write(t, c) })
		fails(nil, time.Second)
		c.SetWriteDeadline(time.Now().Add(-1))
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write after the deadline: %v, want %v", err, os.ErrDeadlineExceeded)
		}
		c.SetWriteDeadline(time.Time{})
		s.SetFault(Match{}, Fault{Drop: true, Reset: true})
		write(t, c)
		fails(syscall.ECONNREFUSED, 0)
		time.AfterFunc(time.Second, func() { c.Close() })
		fails(net.ErrClosed, time.Second)
		for name, err := range map[string]error{"close": c.Close(), "set": c.SetDeadline(time.Time{})} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v, want %v", name, err, net.ErrClosed)
			}
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after Close: %v, want %v", err, net.ErrClosed)
		}
	})
}

// A socket that is not read loses what is too much, not more.
func TestDatagramFlood(t *testing.T) {
	t.Parallel()
	_, c := echo(t, make([]byte, maxInbox/4))
	for range 10 {
		write(t, c)
	}
	c.SetReadDeadline(time.Now().Add(time.Hour))
	for range 4 {
		if _, err := c.Read(make([]byte, 9)); err != nil {
			t.Fatalf("c.Read: %v", err)
		}
	}
	c.SetReadDeadline(time.Now().Add(-1))
	if _, err := c.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read a fifth message of the 4 that fit: %v, want %v", err, os.ErrDeadlineExceeded)
	}
	d := c.(*datagram)
	if len(d.inbox) != 0 || d.size != 0 {
		t.Errorf("after all was read: %d messages of %d bytes, want none", len(d.inbox), d.size)
	}
}
