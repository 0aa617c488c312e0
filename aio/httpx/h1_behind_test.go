package httpx_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// TestBehindGathered checks that a response that is gathered, because another
// request arrived together with its own, is sent whatever happens to the other
// one.
func TestBehindGathered(t *testing.T) {
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }
	for name, behind := range map[string]struct {
		text string
		// of what follows the first answer; then the connection ends
		status []int
		say    string
		then   []int // of what follows when say was sent
	}{
		"malformed":             {text: "GET\r\n\r\n", status: []int{400}},
		"malformed, incomplete": {text: "GET / HTTP/1.1\r\n:\r\n", status: []int{400}},
		"incomplete":            {text: "GET /close HTT", say: "P/1.1\r\nHost: h\r\n\r\n", then: []int{200}},
		"closing":               {text: get("/close"), status: []int{200}},
		"continue":              {text: "POST /close HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", status: []int{100}, say: "hi", then: []int{200}},
		"too large":             {text: "POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\nhi", status: []int{413}},
		"ErrAbortHandler":       {text: get("/abort")},
		"panic":                 {text: get("/panic"), status: []int{500}},
		"panic, begun":          {text: get("/begun"), status: []int{200}},
		"Goexit":                {text: get("/goexit"), status: []int{500}},
		"streamed":              {text: get("/stream"), status: []int{200}},
		"taken over":            {text: "GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", status: []int{101}},
		"end":                   {},
	} {
		for style, s := range behindServers() {
			if style == "Handler" && name == "too large" {
				continue
			}
			t.Run(name+"/"+style, func(t *testing.T) {
				s.AccessLog = slog.New(slog.NewTextHandler(io.Discard, nil))
				l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
				serveLoop(t, l, s, func(addr string) {
					c := dialRaw(t, addr)
					defer c.Close()
					c.say(get("/first") + behind.text)
					c.statuses(append([]int{200}, behind.status...)...)
					c.say(behind.say)
					c.statuses(behind.then...)
					if behind.text == "" {
						c.Close()
						return
					}
					c.closed()
				})
			})
		}
	}
}

// statuses checks the statuses of the answers that come.
func (r raw) statuses(want ...int) {
	r.t.Helper()
	for _, status := range want {
		resp, err := http.ReadResponse(r.Reader, nil)
		if err != nil || resp.StatusCode != status {
			r.t.Fatalf("want %d, got %v, %v", status, resp, err)
		}
		io.Copy(io.Discard, resp.Body) // it may be cut
	}
}

// behindServers returns servers whose answer depends on the path.
func behindServers() map[string]*httpx.Server {
	return map[string]*httpx.Server{
		"Handle": {Handle: func(r *httpx.Request) {
			switch r.Resource() {
			case "/close":
				r.Respond(200, http.Header{"Connection": {"close"}}, nil)
			case "/begun", "/stream":
				w, _ := r.Start(200, http.Header{"Connection": {"close"}})
				w.Write([]byte("hai"))
				w.Flush()
				if r.Resource() == "/stream" {
					w.Close()
					return
				}
				panic("begun")
			case "/upgrade":
				c, _ := r.Upgrade(nil)
				c.Close()
			default:
				behave(r.Resource())
				r.RespondString(200, "hai")
			}
		}},
		"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/close":
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Connection", "close")
			case "/begun", "/stream":
				w.Header().Set("Connection", "close")
				io.WriteString(w, "hai")
				w.(http.Flusher).Flush()
				if r.URL.Path == "/begun" {
					panic("begun")
				}
			case "/upgrade":
				c, b, _ := http.NewResponseController(w).Hijack()
				fmt.Fprint(b, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
				b.Flush()
				c.Close()
			default:
				behave(r.URL.Path)
				io.WriteString(w, "hai")
			}
		})},
	}
}

// behave ends a handler without returning, for some paths.
func behave(path string) {
	switch path {
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/panic":
		panic("panic")
	case "/goexit":
		runtime.Goexit()
	}
}
