//go:build unix

package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// heirVar says, in the environment of a child process of the tests here, what
// it is to do.
const heirVar = "TCP_TEST_HEIR"

// TestHeir is not a test but the child process.
func TestHeir(t *testing.T) {
	how := os.Getenv(heirVar)
	if how == "" {
		t.Skip("not a child process")
	}
	if how == "exit" {
		os.Exit(3)
	}
	if how == "start" {
		startServers(t)
		os.Exit(0)
	}
	in, err := tcp.Inherit()
	if err != nil {
		fmt.Println("error:", err, errors.Is(err, tcp.ErrNotInherited))
		os.Exit(0)
	}
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "LISTEN_") || strings.HasPrefix(kv, "GOAIO_") {
			fmt.Println("left:", kv)
		}
	}
	fmt.Println("names:", in.Names, len(in.Listeners), in.Listener("no such") == nil)
	if _, err := tcp.Inherit(); !errors.Is(err, tcp.ErrNotInherited) {
		fmt.Println("again:", err)
	}
	if how == "open" {
		out, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
		fmt.Println("a child has:", string(out), err)
	}
	if how != "silent" {
		serveHeritage(t, in)
	}
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// serveHeritage has each listener answer with its name until stdin ends.
func serveHeritage(t *testing.T, in *tcp.Inherited) {
	aiotest.Run(t, func(ctx context.Context) error {
		for i, ln := range in.Listeners {
			s := &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) {
				c.SendString(in.Names[i])
				c.CloseAfterFlush()
			}}}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer s.Close()
		}
		if err := in.Ready(); err != nil {
			return err
		}
		fmt.Println("ready", in.Ready()) // the second time it does nothing
		io.Copy(io.Discard, os.Stdin)
		return nil
	})
}

// heir is a child process to be started with listeners.
func heir(t *testing.T, how string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestHeir$", "-test.count=1")
	cmd.Env = append(os.Environ(), heirVar+"="+how, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// activate starts a child process as systemd does, with the variables given,
// and returns what it prints before it is ready, or all.
func activate(t *testing.T, how string, env []string, files ...*os.File) string {
	t.Helper()
	cmd := heir(t, how)
	cmd.Args = append([]string{"sh", "-c", `test -n "$LISTEN_PID" || export LISTEN_PID=$$; exec "$@"`, "sh"}, cmd.Args...)
	cmd.Path = "/bin/sh"
	cmd.Env = append(cmd.Env, env...)
	cmd.ExtraFiles = files
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	t.Cleanup(func() {
		stdin.Close()
		io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil {
			t.Errorf("cmd.Wait: %v", err)
		}
	})
	var said strings.Builder
	for buf := make([]byte, 1000); !strings.Contains(said.String(), "ready"); {
		n, err := stdout.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			break
		}
	}
	return said.String()
}

// wantName connects to a child's listener and wants its name.
func wantName(t *testing.T, network, addr, name string) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatalf("net.Dial: %v", err)
	}
	defer c.Close()
	wantRead(t, c, name)
	wantEOF(t, c)
}

// socketName names a socket as ls -l does.
func socketName(t *testing.T, f *os.File) string {
	fi, err := f.Stat()
	if err != nil {
		t.Fatalf("f.Stat: %v", err)
	}
	return fmt.Sprintf("socket:[%d]", fi.Sys().(*syscall.Stat_t).Ino)
}

// openListeners opens a TCP listener and one on a unix socket, and their files.
func openListeners(t *testing.T) (lns [2]net.Listener, files []*os.File) {
	t.Helper()
	for i, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", t.TempDir() + "/socket"}} {
		ln, err := net.Listen(at[0], at[1])
		if err != nil {
			t.Fatalf("net.Listen: %v", err)
		}
		t.Cleanup(func() { ln.Close() })
		f, err := ln.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatalf("File: %v", err)
		}
		t.Cleanup(func() { f.Close() })
		lns[i], files = ln, append(files, f)
	}
	return lns, files
}

// A process that is started as systemd does it serves the sockets, by name or
// not, and its children know nothing of them.
func TestInherit(t *testing.T) {
	lns, files := openListeners(t)
	for _, names := range []string{"web:admin", ""} {
		t.Run(names, func(t *testing.T) {
			env, want := []string{"LISTEN_FDS=2"}, []string{"unknown", "unknown"}
			if names != "" {
				env, want = append(env, "LISTEN_FDNAMES="+names), []string{"web", "admin"}
			}
			how := "serve"
			if _, err := os.Stat("/proc/self/fd"); err == nil {
				how = "open"
			}
			said := activate(t, how, env, files...)
			if want := fmt.Sprintln("names:", want, 2, true); !strings.HasPrefix(said, want) {
				t.Errorf("the child said %q, want %q first", said, want)
			}
			if strings.Contains(said, "again:") || how == "open" && !strings.Contains(said, "/dev/null") {
				t.Errorf("the child said %q", said)
			}
			for _, f := range files {
				if name := socketName(t, f); strings.Contains(said, name) {
					t.Errorf("a child of the child has %s too: %q", name, said)
				}
			}
			for i, ln := range lns {
				wantName(t, ln.Addr().Network(), ln.Addr().String(), want[i])
			}
		})
	}
}

// Inherit returns an error for descriptors that do not exist, belong to another
// process, or are not listeners.
func TestInheritNothing(t *testing.T) {
	lns, files := openListeners(t)
	c := connect(t, lns[0].Addr())
	t.Cleanup(func() { c.Close() })
	connected, err := c.(*net.TCPConn).File()
	if err != nil {
		t.Fatalf("File: %v", err)
	}
	t.Cleanup(func() { connected.Close() })
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatalf("os.Open: %v", err)
	}
	t.Cleanup(func() { null.Close() })
	for name, it := range map[string]struct {
		env  []string
		file *os.File
		want string
		none bool
	}{
		"nothing":      {nil, nil, "started without", true},
		"another's":    {[]string{"LISTEN_FDS=1", "LISTEN_PID=1"}, files[0], "started without", true},
		"not a number": {[]string{"LISTEN_FDS=one"}, files[0], `"one" is not a number`, false},
		"fewer":        {[]string{"LISTEN_FDS=-1"}, files[0], "not a number", false},
		"names":        {[]string{"LISTEN_FDS=1", "LISTEN_FDNAMES=a:b"}, files[0], "does not have the 1 names", false},
		"connected":    {[]string{"LISTEN_FDS=1"}, connected, "3 of LISTEN_FDS=1: a socket that does not listen", false},
		"no socket":    {[]string{"LISTEN_FDS=1"}, null, "inherited descriptor 3", false},
		"not so many":  {[]string{"LISTEN_FDS=2000000000"}, files[0], "inherited descriptor", false},
		"no pipe":      {[]string{"LISTEN_FDS=0", "GOAIO_READY_FD=3"}, null, "not a pipe", false},
		"no pipe fd":   {[]string{"LISTEN_FDS=0", "GOAIO_READY_FD=77"}, null, "GOAIO_READY_FD", false},
		"no ready fd":  {[]string{"LISTEN_FDS=0", "GOAIO_READY_FD=x"}, null, "GOAIO_READY_FD", false},
	} {
		t.Run(name, func(t *testing.T) {
			var given []*os.File
			if it.file != nil {
				given = []*os.File{it.file}
			}
			said := activate(t, "serve", it.env, given...)
			if !strings.HasPrefix(said, "error: ") || !strings.Contains(said, it.want) ||
				!strings.HasSuffix(said, fmt.Sprintln(it.none)) {
				t.Errorf("the child said %q, want %q", said, it.want)
			}
		})
	}
}

// Without a predecessor Ready does nothing, and a nil Inherited is empty.
func TestInheritNil(t *testing.T) {
	var in *tcp.Inherited
	if err := in.Ready(); err != nil {
		t.Errorf("in.Ready: %v", err)
	}
	if ln := in.Listener("unknown"); ln != nil {
		t.Error(ln)
	}
	if err := new(tcp.Inherited).Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

// A listener's file is another descriptor for the same socket, and outlives the
// listener.
func TestFile(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		if _, err := new(tcp.Server).File(); err == nil {
			t.Error("a server that was not started has a file")
		}
		path := t.TempDir() + "/socket"
		l, err := tcp.Listen(ctx, "unix:"+path)
		if err != nil {
			return err
		}
		f, err := l.File()
		if err != nil {
			return err
		}
		defer f.Close()
		l.Close()
		if _, err := l.File(); !errors.Is(err, net.ErrClosed) || !errors.Is(err, aio.ErrClosed) {
			t.Errorf("the file of a closed listener: %v", err)
		}
		c, err := net.Dial("unix", path) // into the queue
		if err != nil {
			return err
		}
		c.Close()
		ln, err := new(aiotest.Network).Listen("")
		if err != nil {
			return err
		}
		m, err := tcp.NewListener(ctx, ln)
		if err != nil {
			return err
		}
		defer m.Close()
		if _, err := m.File(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("the file of a listener in memory: %v", err)
		}
		return nil
	})
}
