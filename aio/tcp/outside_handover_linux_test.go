package tcp_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio/tcp"
)

// TestOutsideHandOver checks that clients are neither refused nor reset while
// one of two servers on a port drains and a third of all packets to them is
// lost, if the kernel moves the handshakes of a closing listener to another one
// (net.ipv4.tcp_migrate_req). A lost packet delays a handshake far beyond the
// 200 ms for which a server waits without that.
func TestOutsideHandOver(t *testing.T) {
	const visitors = 400
	inLab(t, func(l *lab) {
		const migrate = "/proc/sys/net/ipv4/tcp_migrate_req"
		if err := os.WriteFile(migrate, []byte("1"), 0); err != nil {
			l.Skipf("note: %v, so no listener hands its handshakes over", err)
		}
		echo := tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }, Event: func(*tcp.Conn, error) {}}
		old := &tcp.Server{Handler: echo, ReusePort: true}
		if err := old.Start(l.ctx, "127.0.0.1:0"); err != nil {
			l.Fatalf("old.Start: %v", err)
		}
		next := &tcp.Server{Handler: echo, ReusePort: true}
		if err := next.Start(l.ctx, old.Addr().String()); err != nil {
			l.Fatalf("next.Start: %v", err)
		}
		defer next.Close()
		l.lose(old.Addr().(*net.TCPAddr).Port)
		var visits sync.WaitGroup
		var served atomic.Int64
		visit := func() {
			switch err := l.visit(old.Addr().String()); {
			case err == nil:
				served.Add(1)
			case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNREFUSED):
				l.Errorf("visit: %v", err)
			default: // too much was lost
				l.Logf("visit: %v", err)
			}
		}
		for i := range visitors {
			visits.Go(visit)
			if i == visitors*3/4 {
				visits.Go(func() { old.Shutdown(l.ctx) })
			}
			time.Sleep(time.Millisecond / 4) // all phases of a handshake are met
		}
		visits.Wait()
		if n := served.Load(); n < visitors/2 {
			l.Errorf("served: got %d of %d clients, want at least half", n, visitors)
		}
	})
}

// lose loses a third of what is sent to a port by TCP on this host.
func (l *lab) lose(port int) {
	labRun(l, "nft", fmt.Sprintf("add rule ip lab in tcp dport %d numgen random mod 3 == 0 drop", port))
}

// visit connects to an echo server, and has a word echoed.
func (l *lab) visit(addr string) error {
	c, err := net.DialTimeout("tcp", addr, 8*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "hello"); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 5))
	return err
}
