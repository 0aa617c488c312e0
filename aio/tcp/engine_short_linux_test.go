package tcp_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A read may bring less than is there: before an urgent byte, where descriptors
// were passed along, and with packets. What is behind that comes without
// anything more having to arrive.
func TestShortReads(t *testing.T) {
	for _, tt := range []struct {
		name, network, want string
		send                func(t *testing.T, c net.Conn)
	}{
		{"urgent", "tcp", "abcefg", func(t *testing.T, c net.Conn) {
			io.WriteString(c, "abc")
			raw, err := c.(syscall.Conn).SyscallConn()
			if err == nil {
				raw.Write(func(fd uintptr) bool { err = syscall.Sendto(int(fd), []byte("d"), syscall.MSG_OOB, nil); return true })
			}
			if err != nil {
				t.Errorf("SyscallConn: %v", err)
			}
			io.WriteString(c, "efg")
		}},
		{"descriptors", "unix", "abcefg", func(t *testing.T, c net.Conn) {
			if _, _, err := c.(*net.UnixConn).WriteMsgUnix([]byte("abc"), syscall.UnixRights(int(os.Stderr.Fd())), nil); err != nil {
				t.Errorf("WriteMsgUnix: %v", err)
			}
			io.WriteString(c, "efg")
		}},
		{"packets", "unixpacket", "abcefg", func(t *testing.T, c net.Conn) {
			io.WriteString(c, "abc")
			io.WriteString(c, "efg")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overEngines(t, func(t *testing.T) { shortRead(t, tt.network, tt.want, tt.send) })
		})
	}
}

// shortRead has all be sent while the poller makes a callback, so that it
// learns of it at once.
func shortRead(t *testing.T, network, want string, send func(t *testing.T, c net.Conn)) {
	aiotest.RunLoop(t, &aio.Loop{OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
		addr := "127.0.0.1:0"
		if network != "tcp" {
			addr = filepath.Join(t.TempDir(), "s")
		}
		ln, err := net.Listen(network, addr)
		if err != nil {
			return err
		}
		peers := make(chan net.Conn, 1)
		p := newTape(t)
		s := &tcp.Server{Handler: p.handler(tcp.Handler{Data: func(_ *tcp.Conn, data []byte) {
			if string(data) == "x" {
				send(t, <-peers)
			}
		}})}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		peer := connect(t, ln.Addr())
		peers <- peer
		io.WriteString(peer, "x")
		p.wantData("x" + want)
		peer.Close()
		aio.LoopOf(ctx).Exit(nil)
		return nil
	})
}

// Accepted connections have the options that package net sets.
func TestAcceptedOptions(t *testing.T) {
	conns := make(chan *tcp.Conn, 1)
	serving(t, handing(conns), "127.0.0.1:0", func(t *testing.T, ctx context.Context, s *tcp.Server) {
		defer connect(t, s.Addr()).Close()
		c := soon(t, conns)
		for _, o := range []struct {
			name             string
			level, opt, want int
		}{
			{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
			{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
			{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
			{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
		} {
			if v, err := syscall.GetsockoptInt(c.FD(), o.level, o.opt); err != nil || v != o.want {
				t.Errorf("%s is %d, %v; want %d", o.name, v, err, o.want)
			}
		}
	})
}

// The address of a unix socket's client that has a name is that name.
func TestUnixPeerName(t *testing.T) {
	for _, name := range []string{"", "@goaio-test-peer", "file"} {
		conns := make(chan *tcp.Conn, 1)
		t.Run(name, func(t *testing.T) {
			overEngines(t, func(t *testing.T) {
				dir := t.TempDir()
				aiotest.Run(t, func(ctx context.Context) error {
					s := handing(conns)()
					if err := s.Start(ctx, "unix:"+filepath.Join(dir, "s")); err != nil {
						return err
					}
					want := name
					var local *net.UnixAddr
					switch name {
					case "":
						want = "@"
					case "file":
						want = filepath.Join(dir, "c")
						fallthrough
					default:
						local = &net.UnixAddr{Name: want, Net: "unix"}
					}
					peer, err := net.DialUnix("unix", local, &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
					if err != nil {
						return err
					}
					if c := soon(t, conns); c.RemoteAddr().String() != want || c.RemoteAddr().Network() != "unix" {
						t.Errorf("the peer is %v, want %q", c.RemoteAddr(), want)
					}
					peer.Close()
					aio.LoopOf(ctx).Exit(nil)
					return nil
				})
			})
		})
	}
}

// What a connection has for more than one turn is read in the next ones, also
// if nothing comes afterwards that would wake the poller.
func TestTurns(t *testing.T) {
	const size = 150_000 // three buffers, which a unix socket holds
	aiotest.CheckLeaks(t)
	defer tcp.SetAttendRun(1)()
	newWorld(t, "unix").run(new(aio.Loop), func(w *world) {
		p := newTape(w)
		client := w.serve(p.handler(tcp.Handler{Open: func(c *tcp.Conn) { c.PauseReading() }}))
		server := soon(w, p.conn)
		if n, err := client.Write(numbers(size)); n != size || err != nil {
			w.Fatalf("Write: %d, %v; want %d", n, err, size)
		}
		server.ResumeReading()
		aiotest.Eventually(w, func() bool { return len(p.got()) == size })
		client.Close()
		p.want(nil, "open", "data", "EOF", "closed")
	})
}
