package httpx_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// answeredBoth is a case of an answer, to a GET and to a HEAD.
func answeredBoth(name string, serve func(w http.ResponseWriter)) clientContract {
	return clientContract{
		name:  name,
		serve: func(_ *clientSide, w http.ResponseWriter, _ *http.Request) { serve(w) },
		visit: func(s *clientSide) {
			s.get("/")
			s.do(s.request("HEAD", "/", nil))
		},
	}
}

// status is a case of a status.
func status(code int, text string) clientContract {
	return answeredBoth(fmt.Sprint("status ", code, " ", len(text)), func(w http.ResponseWriter) {
		w.Header().Set("X-A", "1")
		w.WriteHeader(code)
		io.WriteString(w, text)
	})
}

var clientResponseContracts = []clientContract{
	status(200, "hello"), status(201, ""), status(202, "x"), status(203, "x"), status(204, ""), status(205, ""), status(206, "x"),
	status(299, "x"), status(300, "x"), status(304, ""), status(400, "no"), status(401, "no"), status(404, "no"), status(407, "no"),
	status(429, "no"), status(500, "no"), status(503, "no"), status(599, "no"), status(999, "no"),
	answeredBoth("values", func(w http.ResponseWriter) { w.Header()["X-A"] = []string{"1", "2", "", " 3 "} }),
	answeredBoth("cookies", func(w http.ResponseWriter) { w.Header()["Set-Cookie"] = []string{"a=1", "b=2"} }),
	answeredBoth("Pragma", func(w http.ResponseWriter) { w.Header().Set("Pragma", "no-cache") }),
	answeredBoth("Connection: close", func(w http.ResponseWriter) { w.Header().Set("Connection", "close") }),
	{
		name:  "the field Connection",
		serve: func(_ *clientSide, w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") },
		visit: func(s *clientSide) {
			resp, err := s.rt.RoundTrip(s.request("GET", "/", nil))
			if err != nil {
				s.Fatalf("s.rt.RoundTrip: %v", err)
			}
			s.saw("Connection: %q", resp.Header["Connection"])
			resp.Body.Close()
		},
	},
	answeredBoth("a name that is not canonical", func(w http.ResponseWriter) { w.Header()["x-LOWER"] = []string{"1"} }),
	answeredBoth("Unicode", func(w http.ResponseWriter) { w.Header().Set("X-A", "bücher") }),
	answeredBoth("many fields", func(w http.ResponseWriter) {
		for i := range 500 {
			w.Header().Set("X-"+strconv.Itoa(i), "value")
		}
	}),
	answeredBoth("a header of 100 KiB", func(w http.ResponseWriter) { w.Header().Set("X-A", strings.Repeat("x", 100<<10)) }),
	answeredBoth("a header of 500 KiB", func(w http.ResponseWriter) { w.Header().Set("X-A", strings.Repeat("x", 500<<10)) }),
	answeredBoth("a trailer", func(w http.ResponseWriter) {
		w.Header().Set("Trailer", "X-T, X-U")
		io.WriteString(w, "hello")
		w.Header()["X-T"] = []string{"1", "2"}
	}),
	answeredBoth("a trailer that was not declared", func(w http.ResponseWriter) {
		io.WriteString(w, "hello")
		http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"X-T", "1")
	}),
	answeredBoth("a trailer without a body", func(w http.ResponseWriter) {
		w.Header().Set("Trailer", "X-T")
		w.WriteHeader(200)
		w.Header().Set("X-T", "1")
	}),
}

// sizedBody is a case of a body of n bytes, in pieces, whose length is told or
// not.
func sizedBody(n, piece int, told bool) clientContract {
	return answeredBoth(fmt.Sprint(n, " bytes by ", piece, ", told: ", told), func(w http.ResponseWriter) {
		if told {
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		for left := n; left > 0; left -= piece {
			io.WriteString(w, strings.Repeat("a", min(left, piece)))
			http.NewResponseController(w).Flush()
		}
	})
}

// cutBody is a case of a body that breaks off.
func cutBody(name string, serve func(w http.ResponseWriter)) clientContract {
	return clientContract{
		name: name,
		serve: func(_ *clientSide, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/next" {
				return
			}
			serve(w)
			panic(http.ErrAbortHandler)
		},
		visit: func(s *clientSide) {
			s.get("/")
			s.get("/next")
		},
	}
}

var clientBodyContracts = []clientContract{
	sizedBody(0, 1, true), sizedBody(0, 1, false), sizedBody(1, 1, true), sizedBody(1, 1, false), sizedBody(10, 1, false),
	sizedBody(100_000, 100_000, true), sizedBody(100_000, 1000, false), sizedBody(500_000, 50_000, true), sizedBody(500_000, 50_000, false),
	cutBody("cut before the header", func(http.ResponseWriter) {}),
	cutBody("cut behind the header", func(w http.ResponseWriter) { http.NewResponseController(w).Flush() }),
	cutBody("cut within a body of known length", func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "hello")
		http.NewResponseController(w).Flush()
	}),
	cutBody("cut within a body of unknown length", func(w http.ResponseWriter) {
		io.WriteString(w, "hello")
		http.NewResponseController(w).Flush()
	}),
	{
		name: "shorter than told",
		serve: func(_ *clientSide, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "hello")
		},
		visit: func(s *clientSide) { s.get("/") },
	},
	{
		name: "read in small pieces",
		serve: func(_ *clientSide, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("0123456789", 5000))
		},
		visit: func(s *clientSide) {
			resp, err := s.rt.RoundTrip(s.request("GET", "/", nil))
			if err != nil {
				s.Fatalf("s.rt.RoundTrip: %v", err)
			}
			defer resp.Body.Close()
			sum := 0
			b := make([]byte, 7)
			for {
				n, err := resp.Body.Read(b)
				if sum += n; err != nil {
					s.saw("%d bytes, EOF: %v", sum, err == io.EOF)
					break
				}
			}
			n, err := resp.Body.Read(b)
			s.saw("again: %d, EOF: %v", n, err == io.EOF)
			n, err = resp.Body.Read(nil)
			s.saw("nothing: %d, EOF: %v", n, err == io.EOF)
		},
	},
	{
		name:  "read behind Close",
		serve: func(_ *clientSide, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
		visit: func(s *clientSide) {
			resp, err := s.rt.RoundTrip(s.request("GET", "/", nil))
			if err != nil {
				s.Fatalf("s.rt.RoundTrip: %v", err)
			}
			s.saw("Close: %v", resp.Body.Close())
			n, err := resp.Body.Read(make([]byte, 1))
			s.saw("Read: %d, %s", n, failure(err))
			s.saw("Close again: %v", resp.Body.Close())
		},
	},
}

// gzipped returns a text, packed.
func gzipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

// packs is a case of a body with a Content-Encoding.
func packs(name, coding string, body []byte, set func(r *http.Request)) clientContract {
	return clientContract{
		name: name,
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			s.served("accepted: %q", r.Header["Accept-Encoding"])
			w.Header().Set("Content-Encoding", coding)
			w.Header().Set("Content-Type", "text/plain")
			w.Write(body)
		},
		visit: func(s *clientSide) {
			for _, method := range []string{"GET", "HEAD"} {
				r := s.request(method, "/", nil)
				if set != nil {
					set(r)
				}
				s.do(r)
			}
		},
	}
}

var clientGzipContracts = []clientContract{
	packs("gzip", "gzip", gzipped("hello"), nil),
	packs("GZIP", "GZIP", gzipped("hello"), nil),
	packs("long", "gzip", gzipped(strings.Repeat("hello", 100_000)), nil),
	packs("empty inside", "gzip", gzipped(""), nil),
	packs("empty", "gzip", nil, nil),
	packs("no gzip", "gzip", []byte("hello, world, this is not packed"), nil),
	packs("truncated", "gzip", gzipped("hello")[:12], nil),
	packs("without its sum", "gzip", gzipped("hello")[:len(gzipped("hello"))-4], nil),
	packs("two members", "gzip", append(gzipped("hello"), gzipped("again")...), nil),
	packs("bytes behind it", "gzip", append(gzipped("hello"), "more"...), nil),
	packs("deflate", "deflate", []byte("x"), nil),
	packs("gzip twice", "gzip, gzip", gzipped("hello"), nil),
	packs("asked for", "gzip", gzipped("hello"), with("Accept-Encoding", "gzip")),
	packs("refused", "gzip", gzipped("hello"), with("Accept-Encoding", "identity")),
	packs("of a range", "gzip", gzipped("hello"), with("Range", "bytes=0-")),
}
