package httpx_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// hello is what is served, by net/http alone and by us.
func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write([]byte("Hello, World!"))
}

// benchServer starts one of the servers, and returns its address and what ends
// it.
func benchServer(b testing.TB, kind string) (addr string, stop func()) {
	b.Helper()
	if kind == "net/http" {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatalf("net.Listen: %v", err)
		}
		s := &http.Server{Handler: http.HandlerFunc(hello), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Serve(ln)
		}()
		return ln.Addr().String(), func() {
			s.Close()
			<-done
		}
	}
	s := &httpx.Server{MaxConns: -1, Handler: http.HandlerFunc(hello)}
	if kind == "Handle" {
		s = &httpx.Server{MaxConns: -1, Handle: func(r *httpx.Request) {
			r.Respond(200, http.Header{"Content-Type": {"text/plain"}}, []byte("Hello, World!"))
		}}
	}
	l := new(aio.Loop)
	started, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		l.Run(context.Background(), func(ctx context.Context) error {
			err := s.Start(ctx, "127.0.0.1:0")
			started <- err
			return err
		})
	}()
	if err := <-started; err != nil {
		b.Fatalf("result of started: %v", err)
	}
	return s.Addr().String(), func() {
		l.Cancel(nil)
		<-done
	}
}

var benchKinds = []string{"net/http", "Handler", "Handle"}

// TestServerProcess is not a test but a server of the benchmarks, in a separate
// process: it serves until its standard input ends, and answers each line there
// with what the process has used so far.
func TestServerProcess(t *testing.T) {
	kind := os.Getenv("BE_THE_SERVER")
	if kind == "" {
		t.Skip("it is for BenchmarkServerCPU and BenchmarkServerIdle")
	}
	if dir := os.Getenv("HTTPX_PROFILE"); dir != "" {
		file, err := os.Create(filepath.Join(dir, filepath.Base(kind)+".pprof"))
		if err != nil {
			t.Fatalf("os.Create: %v", err)
		}
		defer file.Close()
		pprof.StartCPUProfile(file) // fails only if there is one already
		defer pprof.StopCPUProfile()
	}
	addr, stop := benchServer(t, kind)
	fmt.Println("SERVER", addr)
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		if asked.Text() == "rest" {
			debug.FreeOSMemory()
		}
		fmt.Println("USED", int64(cpuTime()), rss())
	}
	stop()
}

// benchProcess is a server in a separate process, and the client's
// connections to it.
type benchProcess struct {
	addr  string
	in    io.WriteCloser
	out   *bufio.Reader
	conns []net.Conn
}

// startProcess starts a server. HTTPX_PROFILE, if it is set, names a folder for
// a CPU profile of each.
func startProcess(b *testing.B, kind string) *benchProcess {
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerProcess$")
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "BE_THE_SERVER="+kind)
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
	p := &benchProcess{in: in, out: bufio.NewReader(out)}
	if _, err := fmt.Fscanln(p.out, new(string), &p.addr); err != nil {
		b.Fatalf("fmt.Fscanln: %v", err)
	}
	b.Cleanup(func() {
		for _, c := range p.conns {
			c.Close()
		}
		in.Close()
		io.Copy(io.Discard, p.out)
		if err := cmd.Wait(); err != nil {
			b.Errorf("the process of %s: %v", kind, err)
		}
	})
	return p
}

// used returns the processor's time that the server has had, and its resident
// memory, after a garbage collection if it is to rest.
func (p *benchProcess) used(b *testing.B, rest bool) (cpu time.Duration, rss int) {
	ask := "now"
	if rest {
		ask = "rest"
	}
	if _, err := fmt.Fprintln(p.in, ask); err != nil {
		b.Fatalf("fmt.Fprintln: %v", err)
	}
	if _, err := fmt.Fscanln(p.out, new(string), &cpu, &rss); err != nil {
		b.Fatalf("fmt.Fscanln: %v", err)
	}
	return cpu, rss
}

// open opens n connections more, and makes a request on each.
func (p *benchProcess) open(b *testing.B, n int) {
	for range n {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			b.Fatalf("net.Dial: %v", err)
		}
		p.conns = append(p.conns, c)
		benchAsk(b, c, 1)
	}
}

// benchAsk makes n requests. The client's part is small, and the same for all
// servers: it neither parses nor allocates.
func benchAsk(b *testing.B, c net.Conn, n int) {
	const body = "Hello, World!"
	req, buf := []byte("GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n"), make([]byte, 1<<10)
	for range n {
		if _, err := c.Write(req); err != nil {
			b.Errorf("c.Write: %v", err)
			return
		}
		for got := 0; !bytes.HasSuffix(buf[:got], []byte(body)); {
			m, err := c.Read(buf[got:])
			if err != nil {
				b.Errorf("c.Read: %v", err)
				return
			}
			got += m
		}
	}
}

// BenchmarkServerCPU measures the server's CPU per request on 64 kept
// connections, in separate processes, each taking its turn in every round,
// and reports the medians of the rounds' ratios to net/http:
//
//	go test -run '^$' -bench ServerCPU -benchtime 25x ./aio/httpx
func BenchmarkServerCPU(b *testing.B) {
	const conns, each = 64, 150
	servers := make([]*benchProcess, len(benchKinds))
	round := func() (spent []float64) {
		for _, p := range servers {
			before, _ := p.used(b, false)
			var all sync.WaitGroup
			for _, c := range p.conns {
				all.Go(func() { benchAsk(b, c, each) })
			}
			all.Wait()
			after, _ := p.used(b, false)
			spent = append(spent, float64(after-before)/(conns*each))
		}
		return spent
	}
	for i, kind := range benchKinds {
		servers[i] = startProcess(b, kind)
		servers[i].open(b, conns)
	}
	round() // warms up
	ratios, cpu := make([][]float64, len(servers)), make([][]float64, len(servers))
	for b.Loop() {
		spent := round()
		for i, ns := range spent {
			cpu[i], ratios[i] = append(cpu[i], ns), append(ratios[i], ns/spent[0])
		}
	}
	for i, kind := range benchKinds {
		b.ReportMetric(median(cpu[i]), kind+"-cpu-ns")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), kind+"-ratio")
		}
	}
}

// BenchmarkServerIdle measures the server's resident memory for each kept
// connection on which nothing happens after a request, and its ratio to
// net/http's:
//
//	go test -run '^$' -bench ServerIdle -benchtime 1x ./aio/httpx
func BenchmarkServerIdle(b *testing.B) {
	const conns = 2000
	rest := make([]float64, len(benchKinds))
	for b.Loop() {
		for i, kind := range benchKinds {
			p := startProcess(b, kind)
			p.open(b, conns)
			_, before := p.used(b, true)
			p.open(b, 2*conns)
			_, after := p.used(b, true)
			rest[i] = float64(after-before) / (2 * conns)
			for _, c := range p.conns {
				c.Close()
			}
		}
	}
	for i, kind := range benchKinds {
		b.ReportMetric(rest[i], kind+"-RSS-B/conn")
		b.ReportMetric(rest[i]/rest[0], kind+"-ratio")
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// rss returns the process's resident memory in bytes, 0 if it is not available.
func rss() int {
	text, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	kb, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, _ := strconv.Atoi(kb)
	return n << 10
}

func ExampleServer_Shutdown() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) { r.RespondString(200, "hai") })
		if err != nil {
			return err
		}
		fmt.Println(s.Shutdown(ctx))
		return nil
	})
	// Output: <nil>
}
