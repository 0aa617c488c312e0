package tcp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// The servers run in processes of their own, so that their CPU time can be told
// from the clients'. They are measured in turns, many times, and the medians of
// the ratios to a server of package net are reported.

// contenders are the servers: one of package net, with a goroutine and a 4 KiB
// buffer per connection, and ours.
var contenders = []string{"net", "handler", "stream"}

func serveRaw(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			copyEcho(c)
		}()
	}
}

func copyEcho(c net.Conn) {
	buf := make([]byte, 4<<10)
	for {
		n, err := c.Read(buf)
		if err == nil {
			_, err = c.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// TestBenchServer is not a test, but the process of a contender. It ends with
// its standard input, of which each line asks for a figure.
func TestBenchServer(t *testing.T) {
	name := os.Getenv("TCP_BENCH_SERVER")
	if name == "" {
		t.Skip("the benchmarks' server")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	if name == "net" {
		go serveRaw(ln)
		answer(ln)
		return
	}
	s := &tcp.Server{MaxConns: -1, Handler: tcp.Handler{Data: echo.Data, Event: func(*tcp.Conn, error) {}}}
	if name == "stream" {
		s.Stream = func(_ context.Context, c *tcp.Conn) error {
			copyEcho(c)
			return nil
		}
	}
	err = aio.Run(context.Background(), func(ctx context.Context) error {
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		answer(ln)
		s.Close()
		return nil
	})
	if err != nil {
		t.Fatalf("aio.Run: %v", err)
	}
}

// answer tells the address, then a figure for each line of standard input.
func answer(ln net.Listener) {
	fmt.Println("addr", ln.Addr())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "cpu":
			fmt.Println("cpu", int64(cpuTime()))
		case "rss":
			debug.FreeOSMemory()
			fmt.Println("rss", resident())
		}
	}
	ln.Close()
}

// resident returns the process's resident memory in bytes, 0 where that cannot
// be had.
func resident() int64 {
	data, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// contender is a server's process.
type contender struct {
	name, addr string
	in         io.WriteCloser
	out        *bufio.Scanner
	cmd        *exec.Cmd
}

func startContender(b *testing.B, name string) *contender {
	cmd := exec.Command(os.Args[0], "-test.run=^TestBenchServer$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), "TCP_BENCH_SERVER="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatalf("cmd.StdinPipe: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatalf("cmd.Start: %v", err)
	}
	c := &contender{name: name, in: in, out: bufio.NewScanner(out), cmd: cmd}
	c.addr = c.next(b, "addr")
	return c
}

// next reads what comes behind the given word.
func (c *contender) next(b *testing.B, word string) string {
	for c.out.Scan() {
		if s, ok := strings.CutPrefix(c.out.Text(), word+" "); ok {
			return s
		}
	}
	b.Fatalf("the %s server has ended", c.name)
	return ""
}

func (c *contender) figure(b *testing.B, word string) int64 {
	fmt.Fprintln(c.in, word)
	n, err := strconv.ParseInt(c.next(b, word), 10, 64)
	if err != nil {
		b.Fatalf("strconv.ParseInt: %v", err)
	}
	return n
}

func (c *contender) stop() {
	c.in.Close()
	for c.out.Scan() {
	}
	c.cmd.Wait()
}

func (c *contender) dial(b *testing.B) net.Conn {
	nc, err := net.Dial("tcp", c.addr)
	if err != nil {
		b.Fatalf("net.Dial: %v", err)
	}
	return nc
}

// compare measures the contenders in turns. prepare returns what does n units
// of work with one of them.
func compare(b *testing.B, n int, prepare func(c *contender) (unit func(n int), done func())) {
	const warmUp = 20
	k := len(contenders)
	list, units := make([]*contender, k), make([]func(int), k)
	for i, name := range contenders {
		list[i] = startContender(b, name)
		defer list[i].stop()
		var done func()
		units[i], done = prepare(list[i])
		defer done()
		units[i](n / warmUp)
	}
	cpu, wall := make([][]float64, k), make([][]float64, k)
	for round := 0; b.Loop(); round++ {
		for i := range k {
			i = (i + round) % k
			c0, w0 := list[i].figure(b, "cpu"), time.Now()
			units[i](n)
			wall[i] = append(wall[i], float64(time.Since(w0))/float64(n))
			cpu[i] = append(cpu[i], float64(list[i].figure(b, "cpu")-c0)/float64(n))
		}
	}
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(median(cpu[0]), "net-cpu-ns")
	b.ReportMetric(median(wall[0]), "net-ns")
	for i := 1; i < k; i++ {
		b.ReportMetric(median(over(cpu[i], cpu[0])), list[i].name+"/net-cpu")
		b.ReportMetric(median(over(wall[i], wall[0])), list[i].name+"/net-time")
	}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// over divides round by round.
func over(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] / y[i]
	}
	return out
}

// echoes prepares conns connections that send messages and read them back.
func echoes(b *testing.B, conns, size int) func(c *contender) (func(int), func()) {
	return func(c *contender) (func(int), func()) {
		var clients []net.Conn
		for range conns {
			clients = append(clients, c.dial(b))
		}
		unit := func(n int) {
			var wg sync.WaitGroup
			for i, nc := range clients {
				share := n/conns + min(max(n%conns-i, 0), 1)
				wg.Go(func() { pingPong(b, nc, size, share) })
			}
			wg.Wait()
		}
		return unit, func() {
			for _, nc := range clients {
				nc.Close()
			}
		}
	}
}

func pingPong(b *testing.B, c net.Conn, size, n int) {
	buf := make([]byte, size)
	for range n {
		if _, err := c.Write(buf); err != nil {
			b.Errorf("c.Write: %v", err)
			return
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Errorf("io.ReadFull: %v", err)
			return
		}
	}
}

func BenchmarkEcho64B(b *testing.B) {
	for _, conns := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) { compare(b, 4000, echoes(b, conns, 64)) })
	}
}

func BenchmarkEcho64KiB(b *testing.B) { compare(b, 400, echoes(b, 16, 64<<10)) }

// BenchmarkConnect is connect, echo and close, 16 at a time.
func BenchmarkConnect(b *testing.B) {
	compare(b, 800, func(c *contender) (func(int), func()) {
		return func(n int) {
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range n / 16 {
						nc := c.dial(b)
						pingPong(b, nc, 64, 1)
						nc.Close()
					}
				})
			}
			wg.Wait()
		}, func() {}
	})
}

// BenchmarkIdle is the memory of an idle connection, from the slope of the
// resident memory.
func BenchmarkIdle(b *testing.B) {
	const few, many = 500, 4500
	slopes := make([][]float64, len(contenders))
	for b.Loop() {
		for i, name := range contenders {
			slopes[i] = append(slopes[i], idleMemory(b, name, few, many))
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, name := range contenders {
		b.ReportMetric(median(slopes[i]), name+"-B/conn")
	}
}

func idleMemory(b *testing.B, name string, few, many int) float64 {
	c := startContender(b, name)
	defer c.stop()
	var clients []net.Conn
	at := func(n int) int64 {
		for len(clients) < n {
			nc := c.dial(b)
			pingPong(b, nc, 64, 1)
			clients = append(clients, nc)
		}
		return c.figure(b, "rss")
	}
	low := at(few)
	slope := float64(at(many)-low) / float64(many-few)
	for _, nc := range clients {
		nc.Close()
	}
	return slope
}
