//go:build unix

package tcp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// startsVar has, in the environment of a child process of the tests here, the
// addresses that it starts servers on, separated by spaces.
const startsVar = "TCP_TEST_STARTS"

// noHandler is an address on which the child process fails to start a server.
const noHandler = "no-handler"

// startServers is a child process: server i answers with i. It goes on until
// its standard input ends.
func startServers(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		for i, addr := range strings.Fields(os.Getenv(startsVar)) {
			s := &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) {
				c.SendString(fmt.Sprint(i))
				c.CloseAfterFlush()
			}}}
			if addr == noHandler {
				s.Handler = tcp.Handler{}
			}
			if err := s.StartInherited(ctx, addr); err != nil {
				fmt.Println("error:", err)
				continue
			}
			fmt.Println(s.Addr())
			defer s.Close()
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return nil
	})
}

// starts is the environment of a child process that starts servers on the
// addresses.
func starts(addrs ...string) string { return startsVar + "=" + strings.Join(addrs, " ") }

// starter is a child process that starts servers on the addresses.
func starter(t *testing.T, addrs ...string) *exec.Cmd {
	cmd := heir(t, "start")
	cmd.Env = append(cmd.Env, starts(addrs...))
	return cmd
}

// wantServer connects to a server of a child process and wants its number.
func wantServer(t *testing.T, a net.Addr, number string) {
	t.Helper()
	wantName(t, a.Network(), a.String(), number)
}

// The servers of a process take the listeners that are theirs by address, then
// those that are left, and listen when there are none.
func TestStartInherited(t *testing.T) {
	lns, _ := openListeners(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer other.Close()
	cmd := starter(t, other.Addr().String(), "unix:"+lns[1].Addr().String(), "127.0.0.1:1", "127.0.0.1:0")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	stdout, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("os.Pipe: %v", err)
	}
	defer stdout.Close()
	cmd.Stdout = w
	aiotest.Run(t, func(ctx context.Context) error {
		_, err := tcp.HandOver(ctx, cmd, lns[0].(*net.TCPListener), lns[1].(*net.UnixListener), other.(*net.TCPListener)).Await(ctx)
		w.Close()
		if err != nil {
			return err
		}
		wantServer(t, other.Addr(), "0")
		wantServer(t, lns[1].Addr(), "1")
		wantServer(t, lns[0].Addr(), "2")
		said := bufio.NewScanner(stdout)
		var last string
		for said.Scan() && said.Text() != "ready" {
			last = said.Text()
		}
		wantName(t, "tcp", last, "3")
		stdin.Close()
		return cmd.Wait()
	})
}

// A predecessor goes on if one of its listeners has no server: the successor
// ends here before it has started it, or cannot start it.
func TestStartInheritedTellsLast(t *testing.T) {
	for name, addrs := range map[string][]string{
		"one is left": {"127.0.0.1:1"},
		"one fails":   {noHandler, "127.0.0.1:1", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			lns, _ := openListeners(t)
			cmd := starter(t, addrs...)
			aiotest.Run(t, func(ctx context.Context) error {
				_, err := tcp.HandOver(ctx, cmd, lns[0].(*net.TCPListener), lns[1].(*net.UnixListener)).Await(ctx)
				if err == nil || !strings.Contains(err.Error(), "it did not call Ready") {
					t.Errorf("got %v", err)
				}
				return nil
			})
		})
	}
}

// A successor that was given no listener is ready with its first server.
func TestStartInheritedNone(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		cmd := starter(t, "127.0.0.1:0")
		_, err := tcp.HandOver(ctx, cmd).Await(ctx)
		return errors.Join(err, cmd.Wait())
	})
}

// What systemd starts has no predecessor to tell. Variables that make no sense
// are an error of each server.
func TestStartInheritedActivated(t *testing.T) {
	lns, files := openListeners(t)
	both := starts("127.0.0.1:0", "127.0.0.1:0")
	want := fmt.Sprintf("%v\n%v\nready\n", lns[0].Addr(), lns[1].Addr())
	if said := activate(t, "start", []string{both, "LISTEN_FDS=2"}, files...); said != want {
		t.Errorf("the child said %q, want %q", said, want)
	}
	wantServer(t, lns[0].Addr(), "0")
	wantServer(t, lns[1].Addr(), "1")
	said := activate(t, "start", []string{both, "LISTEN_FDS=two"})
	if strings.Count(said, `error: tcp: LISTEN_FDS="two" is not a number`) != 2 {
		t.Errorf("the child said %q", said)
	}
}

// In a process that has inherited nothing, StartInherited is Start.
func TestStartNotInherited(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		for range 2 {
			s := &tcp.Server{Handler: echo}
			if err := s.StartInherited(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			defer s.Close()
			c := connect(t, s.Addr())
			ask(t, c, "hello")
			c.Close()
			again := &tcp.Server{Handler: echo}
			if err := again.StartInherited(ctx, s.Addr().String()); !errors.Is(err, aio.ErrConn) {
				t.Errorf("on an address in use: %v", err)
			}
		}
		return nil
	})
}

// An address is that of a listener if Start would listen on it.
func TestIsAddr(t *testing.T) {
	any4, any6 := &net.TCPAddr{IP: net.IPv4zero, Port: 80}, &net.TCPAddr{IP: net.IPv6unspecified, Port: 80}
	one := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
	socket := &net.UnixAddr{Net: "unix", Name: "/run/s"}
	for _, it := range []struct {
		a    net.Addr
		addr string
		is   bool
	}{
		{one, "127.0.0.1:80", true},
		{one, "tcp4:127.0.0.1:80", true},
		{one, "[::ffff:127.0.0.1]:80", true},
		{one, "127.0.0.1:81", false},
		{one, "127.0.0.2:80", false},
		{one, ":80", false},
		{one, "0.0.0.0:80", false},
		{one, "localhost:80", false},
		{one, "127.0.0.1", false},
		{one, "unix:127.0.0.1:80", false},
		{any6, ":80", true},
		{any6, "0.0.0.0:80", true},
		{any6, "[::]:80", true},
		{any6, "[::1]:80", false},
		{any4, "tcp4::80", true},
		{socket, "unix:/run/s", true},
		{socket, "unix:/run/t", false},
		{socket, "/run/s", false},
	} {
		if is := tcp.IsAddr(it.a, it.addr); is != it.is {
			t.Errorf("%v, %q: %v", it.a, it.addr, is)
		}
	}
}
