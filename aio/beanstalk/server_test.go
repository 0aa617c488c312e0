//go:build unix

package beanstalk_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/internal/atrest"
)

// A beanstalkd is the real server, started by the test.
type beanstalkd struct {
	t    *testing.T
	path string
	addr string
	args []string
	cmd  *exec.Cmd
}

// realServer starts a beanstalkd with a log in a folder of the test's, on a
// free port unless the arguments say where to listen, or skips the test where
// there is none.
func realServer(t *testing.T, args ...string) *beanstalkd {
	t.Helper()
	path, err := exec.LookPath("beanstalkd")
	if err != nil {
		t.Skip("beanstalkd is not there (Debian: apt-get install beanstalkd)")
	}
	b := &beanstalkd{t: t, path: path, args: append([]string{"-b", t.TempDir()}, args...)}
	if i := slices.Index(args, "-l"); i >= 0 {
		b.addr = args[i+1]
	} else {
		l, err := net.Listen("tcp", ownAddr())
		if err != nil {
			t.Fatalf("net.Listen: %v", err)
		}
		b.addr = l.Addr().String()
		l.Close()
		host, port, _ := net.SplitHostPort(b.addr)
		b.args = append(b.args, "-l", host, "-p", port)
	}
	b.start()
	t.Cleanup(b.kill)
	return b
}

// start starts the server, and waits until it accepts connections.
func (b *beanstalkd) start() {
	b.t.Helper()
	b.cmd = exec.Command(b.path, b.args...)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatalf("beanstalkd: %v", err)
	}
	network, addr := "tcp", b.addr
	if path, unix := strings.CutPrefix(b.addr, "unix:"); unix {
		network, addr = "unix", path
	}
	aiotest.Eventually(b.t, func() bool {
		c, err := net.DialTimeout(network, addr, time.Second)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// kill ends the server by SIGKILL, between two commands, and waits for its end.
func (b *beanstalkd) kill() {
	if b.cmd == nil {
		return
	}
	if err := atrest.Kill(b.cmd.Process); err != nil {
		b.t.Errorf("atrest.Kill: %v", err)
	}
	b.cmd.Wait()
	b.cmd = nil
}

// ownAddr returns a loopback address with port 0, on Linux one that no other
// test listens on: a port of 127.0.0.1 may be taken by another program while
// the server is down.
func ownAddr() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.%d.%d.%d:0", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254))
}
