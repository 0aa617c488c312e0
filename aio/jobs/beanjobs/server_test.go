package beanjobs_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/internal/atrest"
)

// beanstalkd is the real server, on a free port.
type beanstalkd struct {
	t    *testing.T
	addr string
	args []string
	cmd  *exec.Cmd
}

// newServer returns a beanstalkd with a log in a folder of the test's, not
// started, or skips the test where there is none.
func newServer(t *testing.T) *beanstalkd {
	t.Helper()
	if _, err := exec.LookPath("beanstalkd"); err != nil {
		t.Skip("beanstalkd is not there (Debian: apt-get install beanstalkd)")
	}
	l, err := net.Listen("tcp", ownAddr())
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	b := &beanstalkd{t: t, addr: l.Addr().String()}
	l.Close()
	host, port, _ := net.SplitHostPort(b.addr)
	b.args = []string{"-l", host, "-p", port, "-b", t.TempDir(), "-f", "0"}
	t.Cleanup(b.kill)
	return b
}

func realServer(t *testing.T) *beanstalkd {
	t.Helper()
	b := newServer(t)
	b.start()
	return b
}

// start starts the server, and waits until it accepts connections.
func (b *beanstalkd) start() {
	b.t.Helper()
	b.cmd = exec.Command("beanstalkd", b.args...)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatalf("beanstalkd: %v", err)
	}
	aiotest.Eventually(b.t, func() bool {
		c, err := net.DialTimeout("tcp", b.addr, time.Second)
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
	_ = b.cmd.Wait() // says that it was killed
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
