package tcp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"goaio.example/aio/aiotest"
)

// A lab is two hosts with a cable between them: network namespaces of two
// processes, the test's and that of its peer. The test can lose what crosses
// the cable, and stop or kill the peer.
type lab struct {
	*testing.T
	ctx  context.Context
	peer *exec.Cmd
	say  io.WriteCloser // the peer's orders, a line each
	hear *bufio.Reader  // what it answers, a line each
}

// The addresses of the two hosts.
const (
	labHost = "10.91.0.1"
	labPeer = "10.91.0.2"
)

// labRole is the variable of the environment that says what a process in a lab
// is: the name of a test, or "peer".
const labRole = "TCP_TEST_LAB"

// inLab runs a test in a lab, in a separate process. It skips the test where
// no lab can be made, and says what is missing.
func inLab(t *testing.T, test func(l *lab)) {
	if os.Getenv(labRole) == t.Name() {
		aiotest.CheckLeaks(t)
		l := &lab{T: t}
		l.build()
		aiotest.Run(t, func(ctx context.Context) error {
			l.ctx = ctx
			test(l)
			return nil
		})
		return
	}
	t.Parallel()
	needLab(t)
	out, err := labProcess(t.Name(), "-test.run=^"+t.Name()+"$", "-test.timeout=60s").CombinedOutput()
	if err != nil {
		t.Errorf("in the lab: %v\n%s", err, out)
	}
}

// needLab skips a test where there can be no lab.
func needLab(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("note: network namespaces are made by root only, so nothing is lost between two hosts")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := labTool(tool); err != nil {
			t.Skipf("note: %s is not there (Debian: iproute2, nftables), so nothing is lost between two hosts", tool)
		}
	}
	if out, err := labProcess("", "-test.run=^$").CombinedOutput(); err != nil {
		t.Skipf("note: no network namespace can be made here, so nothing is lost between two hosts: %v\n%s", err, out)
	}
}

// labProcess returns a command that runs this program in a new network
// namespace.
func labProcess(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append(args, "-test.count=1")...)
	cmd.Env = append(os.Environ(), labRole+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// labTool finds a program that root's PATH may lack.
func labTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

// build starts the peer and lays the cable.
func (l *lab) build() {
	l.peer = labProcess("peer", "-test.run=^TestLabPeer$")
	l.peer.Stderr = os.Stderr
	say, err := l.peer.StdinPipe()
	if err != nil {
		l.Fatal(err)
	}
	hear, err := l.peer.StdoutPipe()
	if err != nil {
		l.Fatal(err)
	}
	l.say, l.hear = say, bufio.NewReader(hear)
	if err := l.peer.Start(); err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		l.peer.Process.Kill()
		l.peer.Wait() // fails: it was killed
	})
	l.want("up")
	labRun(l, "ip", "link add veth0 type veth peer name veth1 netns", fmt.Sprint(l.peer.Process.Pid))
	labRun(l, "ip", "addr add", labHost+"/24", "dev veth0")
	labRun(l, "ip", "link set veth0 up")
	labRun(l, "ip", "link set lo up")
	labRun(l, "nft", "add table ip lab; "+
		"add chain ip lab in { type filter hook input priority 0; }; "+
		"add chain ip lab out { type filter hook output priority 0; }")
	l.order("join")
	l.want("joined")
}

// labRun runs a program of the system's.
func labRun(t testing.TB, name string, args ...string) {
	t.Helper()
	path, err := labTool(name)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(strings.Join(args, " "))
	if name == "nft" {
		words = []string{strings.Join(args, " ")}
	}
	if out, err := exec.Command(path, words...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// cut loses all that the hosts say to each other from now on, without a word.
func (l *lab) cut() {
	labRun(l, "nft", "add rule ip lab out ip daddr", labPeer, "drop; add rule ip lab in ip saddr", labPeer, "drop")
}

// reset answers all that leaves this host by TCP with a reset.
func (l *lab) reset() {
	labRun(l, "nft", "add rule ip lab out ip daddr", labPeer, "meta l4proto tcp reject with tcp reset")
}

// mend ends cut and reset.
func (l *lab) mend() { labRun(l, "nft", "flush table ip lab") }

// order tells the peer what to do.
func (l *lab) order(what string) {
	if _, err := io.WriteString(l.say, what+"\n"); err != nil {
		l.Fatalf("order %q: %v", what, err)
	}
}

// want waits for a line from the peer.
func (l *lab) want(line string) {
	l.Helper()
	switch got, err := l.hear.ReadString('\n'); {
	case err != nil:
		l.Fatalf("the peer is silent: %v; want %q", err, line)
	case strings.TrimSpace(got) != line:
		l.Fatalf("the peer says %q, want %q", got, line)
	}
}

// TestLabPeer is no test: it is the other host of a lab, which obeys orders.
func TestLabPeer(t *testing.T) {
	if os.Getenv(labRole) != "peer" {
		return
	}
	answer := func(what string) { fmt.Fprintln(os.Stdout, what) }
	answer("up")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch order, arg, _ := strings.Cut(in.Text(), " "); order {
		case "join":
			labRun(t, "ip", "addr add", labPeer+"/24", "dev veth1")
			labRun(t, "ip", "link set veth1 up")
			answer("joined")
		case "serve": // what each connection is for is its first byte
			ln, err := net.Listen("tcp", labPeer+":7000")
			if err != nil {
				t.Fatal(err)
			}
			go labServe(ln)
			answer("serving")
		case "visit": // connections that talk without end
			for range 50 {
				c, err := net.Dial("tcp", arg)
				if err != nil {
					t.Fatal(err)
				}
				go labTalk(c)
			}
			answer("visiting")
		default:
			t.Fatalf("order %q is not known", order)
		}
	}
}

// labServe echoes.
func labServe(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c) // until the client ends
		}()
	}
}

// labTalk sends without end, and reads what comes back.
func labTalk(c net.Conn) {
	go io.Copy(io.Discard, c) // until the process is killed
	for data := make([]byte, 1000); ; {
		if _, err := c.Write(data); err != nil {
			return
		}
	}
}
