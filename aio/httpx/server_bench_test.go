package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
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

// benchServer starts one of the servers, and returns its address and what ends it.
func benchServer(b testing.TB, kind string) (addr string, stop func()) {
	b.Helper()
	if kind == "net/http" {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
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
		b.Fatal(err)
	}
	return s.Addr().String(), func() {
		l.Cancel(nil)
		<-done
	}
}

var benchKinds = []string{"net/http", "Handler", "Handle"}

// BenchmarkHello measures requests on 64 kept connections, side by side. The client's part is the same for all, and small:
// it neither parses nor allocates.
func BenchmarkHello(b *testing.B) {
	for _, kind := range benchKinds {
		b.Run(kind, func(b *testing.B) {
			addr, stop := benchServer(b, kind)
			defer stop()
			const conns = 64
			var all sync.WaitGroup
			work := make(chan int, conns)
			for range conns {
				all.Go(func() { benchClient(b, addr, work) })
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime()
			for i := range conns {
				n := b.N / conns
				if i < b.N%conns {
					n++
				}
				work <- n
			}
			close(work)
			all.Wait()
			b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func benchClient(b *testing.B, addr string, work <-chan int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Error(err)
		return
	}
	defer c.Close()
	r := bufio.NewReader(c)
	req := []byte("GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for range <-work {
		if _, err := c.Write(req); err != nil {
			b.Error(err)
			return
		}
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Error(err)
				return
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := r.Discard(len("Hello, World!")); err != nil {
			b.Error(err)
			return
		}
	}
}

// BenchmarkIdle measures the memory of a kept connection on which nothing happens. The client's end is part of it, the
// same for all.
func BenchmarkIdle(b *testing.B) {
	for _, kind := range benchKinds {
		b.Run(kind, func(b *testing.B) {
			addr, stop := benchServer(b, kind)
			defer stop()
			const conns = 1000
			var kept []net.Conn
			open := func() {
				for range conns {
					c, err := net.Dial("tcp", addr)
					if err != nil {
						b.Fatal(err)
					}
					kept = append(kept, c)
					io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
					if _, err := c.Read(make([]byte, 1<<10)); err != nil {
						b.Fatal(err)
					}
				}
			}
			open()
			before, heap := rss(), heapInUse()
			for range 3 {
				open()
			}
			b.ReportMetric(float64(rss()-before)/(3*conns), "RSS-B/conn")
			b.ReportMetric(float64(heapInUse()-heap)/(3*conns), "heap+stack-B/conn")
			for _, c := range kept {
				c.Close()
			}
		})
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// rss returns the process's resident memory in bytes, 0 where that cannot be had.
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
