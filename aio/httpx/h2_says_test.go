package httpx_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"goaio.example/aio/httpx"
)

// TestH2Says checks what answers over HTTP/2 say whose headers have what the
// server says itself, or that HTTP/2 does not allow.
func TestH2Says(t *testing.T) {
	connect := ":method: CONNECT\n:authority: server:80"
	for _, c := range []struct {
		name, request string
		status        int
		header        http.Header
		body          string
		want          []string // the fields except the date
		rest          string
	}{
		{name: "plain", request: h2get(), status: 200, header: xy, body: "body", want: []string{"content-length: 4", "content-type: x/y"}, rest: "body"},
		{
			name: "white space", request: h2get(), status: 200, header: plus("X-A", " b\t", "c", "\t"), body: "body",
			want: []string{"content-length: 4", "content-type: x/y", "x-a: b", "x-a: c", "x-a: "}, rest: "body",
		},
		{name: "205", request: h2get(), status: 205, header: xy, body: "body", want: []string{"content-length: 0", "content-type: x/y"}},
		{name: "CONNECT", request: connect, status: 200, header: plus("Content-Length", "4"), body: "body", want: []string{"content-type: x/y"}},
		{name: "CONNECT refused", request: connect, status: 403, header: xy, body: "body", want: []string{"content-length: 4", "content-type: x/y"}, rest: "body"},
	} {
		for mode, s := range map[string]*httpx.Server{
			"Handle": {Handle: func(r *httpx.Request) { r.Respond(c.status, c.header, []byte(c.body)) }},
			"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.header {
					w.Header()[k] = v
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})},
		} {
			if mode == "Handler" && c.request == connect && c.status == 200 {
				continue // whose body is the tunnel's data
			}
			t.Run(mode+"/"+strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
				inH2(t, s, func(conn h2raw) {
					h2form{fields: c.request}.send(conn, 1)
					got, rest := conn.whole(1)
					slices.Sort(got)
					want := slices.Clone(c.want)
					slices.Sort(want)
					if !slices.Equal(got, want) || rest != c.rest {
						t.Errorf("got %q, %q; want %q, %q", got, rest, want, c.rest)
					}
				})
			})
		}
	}
}

// whole reads a response, and returns its fields except the date, and its body.
func (c h2raw) whole(id uint32) (fields []string, body string) {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			c.t.Errorf("c.ReadFrame: %v", err)
			return fields, body
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			for _, f := range f.RegularFields() {
				if f.Name != "date" {
					fields = append(fields, f.Name+": "+f.Value)
				}
			}
		case *http2.DataFrame:
			body += string(f.Data())
		}
		if f.Header().StreamID == id && f.Header().Flags.Has(http2.FlagDataEndStream) {
			return fields, body
		}
	}
}
