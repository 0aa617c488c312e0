package httpx_test

import (
	"net"
	"net/http"
	"testing"

	"goaio.example/aio/httpx"
)

// TestDoneNilIsFree checks that a server without Done looks at that and does
// nothing else: it reads no clock, and nothing of the request.
func TestDoneNilIsFree(t *testing.T) {
	if n := testing.AllocsPerRun(100, httpx.TellNoDone); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkServerDone tells what Done costs, on one
// connection of which the client costs the same each time.
func BenchmarkServerDone(b *testing.B) {
	var sum int64
	for name, done := range map[string]func(httpx.RequestStats){"unset": nil, "set": func(s httpx.RequestStats) { sum += s.BytesOut }} {
		for style, s := range map[string]func() *httpx.Server{
			"Handle": func() *httpx.Server {
				return &httpx.Server{Handle: func(r *httpx.Request) { r.Respond(200, nil, []byte("Hello, World!")) }}
			},
			"Handler": func() *httpx.Server { return &httpx.Server{Handler: http.HandlerFunc(hello)} },
		} {
			b.Run(style+"/"+name, func(b *testing.B) {
				s := s()
				s.Done = done
				serve(b, s, func(addr string) {
					c, err := net.Dial("tcp", addr)
					if err != nil {
						b.Fatalf("net.Dial: %v", err)
					}
					defer c.Close()
					b.ReportAllocs()
					b.ResetTimer()
					before := cpuTime()
					benchAsk(b, c, b.N)
					b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
				})
			})
		}
	}
}
