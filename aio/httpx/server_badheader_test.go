package httpx_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// badHeaderServers are servers that answer with a header, in each way that the
// package offers.
func badHeaderServers(status int, header http.Header) map[string]*httpx.Server {
	return map[string]*httpx.Server{
		"Respond": {Handle: func(r *httpx.Request) { r.Respond(status, maps.Clone(header), []byte("body")) }},
		"Start": {Handle: func(r *httpx.Request) {
			if w, err := r.Start(status, maps.Clone(header)); err == nil {
				w.Close()
			}
		}},
		"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			w.WriteHeader(status)
			io.WriteString(w, "body")
		})},
		"Flush": {Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			http.NewResponseController(w).Flush()
			io.WriteString(w, "body")
		})},
	}
}

// TestBadHeaderSaysNothing checks that the 500 in the place of a response whose
// header cannot be sent is the same whatever other fields the header has: none
// of them is sent, none of them frames the 500, and it ends an HTTP/1
// connection.
func TestBadHeaderSaysNothing(t *testing.T) {
	bad := func(more ...string) http.Header {
		h := http.Header{"X-Zz": {"a\r\nb"}}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = append(h[more[i]], more[i+1])
		}
		return h
	}
	headers := []http.Header{
		bad("X-A", "b"),
		bad("Set-Cookie", "a=b"),
		bad("Date", "then"),
		bad("Content-Type", "x/y"),
		bad("Content-Encoding", "gzip"),
		bad("Content-Length", "4"),
		bad("Content-Length", "400"),
		bad("Transfer-Encoding", "chunked"),
		bad("Transfer-Encoding", "identity"),
		bad("Connection", "keep-alive"),
		bad("Connection", "close, x"),
		bad("Connection", "upgrade", "Upgrade", "x"),
		bad("Trailer", "X-T", "X-T", "1"),
		bad("Trailer:X-T", "1"),
		bad("Retry-After", "1", "Location", "/x"),
	}
	h1 := func(t *testing.T, s *httpx.Server) (fields []string, rest string) {
		inH1Dial(t, s, func(t *testing.T, dial func() raw) {
			c := dial()
			defer c.Close()
			c.say(getOf("/") + getOf("/second"))
			all, err := io.ReadAll(c)
			if err != nil {
				t.Errorf("reading to the connection's end: %v", err)
			}
			head, body, _ := strings.Cut(string(all), "\r\n\r\n")
			fields, rest = strings.Split(head, "\r\n"), body
		})
		return fields, rest
	}
	h2 := func(t *testing.T, s *httpx.Server) (fields []string, rest string) {
		inH2Loop(t, &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}, s, func(c h2raw) {
			h2form{fields: h2get()}.send(c, 1)
			fields, rest = c.whole(1)
		})
		return fields, rest
	}
	for protocol, ask := range map[string]func(t *testing.T, s *httpx.Server) ([]string, string){"HTTP1": h1, "HTTP2": h2} {
		for mode := range badHeaderServers(200, nil) {
			t.Run(protocol+"/"+mode, func(t *testing.T) {
				want, wantRest := ask(t, badHeaderServers(200, bad())[mode])
				if protocol == "HTTP1" && (want[0] != "HTTP/1.1 500 Internal Server Error" || !slices.Contains(want, "Connection: close")) {
					t.Errorf("got %q", want)
				}
				for _, h := range headers {
					got, rest := ask(t, badHeaderServers(200, h)[mode])
					if !slices.Equal(got, want) || rest != wantRest {
						t.Errorf("%v:\ngot  %q, %q\nwant %q, %q", h, got, rest, want, wantRest)
					}
				}
			})
		}
	}
}
