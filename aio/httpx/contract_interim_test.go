package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
)

// expecting is the header of a request that waits for 100 before it sends its
// body.
func expecting(fields ...string) string {
	return "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

// interim reads one answer's header, and notes it.
func (p *wireConn) interim() {
	for _, line := range p.head().lines {
		p.s.saw("%s", line)
	}
}

var interimContracts = []contract{{
	name: "100 on the first Read",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.served("Expect: %q", r.Header["Expect"])
		s.gets(r.Body, "abcde")
		io.WriteString(w, "thanks")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(expecting("Content-Length: 5"))
		p.interim()
		p.say("abcde")
		p.answer("POST")
		p.probe()
	},
}, {
	name: "100 on the first Read of a chunked body",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		s.served("read %q, %v", b, err)
		io.WriteString(w, "thanks")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(expecting("Transfer-Encoding: chunked"))
		p.interim()
		p.say("3\r\nabc\r\n0\r\n\r\n")
		p.answer("POST")
		p.probe()
	},
}, {
	name: "no 100 without a Read",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(403)
		io.WriteString(w, "no")
	},
	send: []string{expecting("Content-Length: 5")},
}, {
	name:  "no 100 without a Read, chunked",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
	send:  []string{expecting("Transfer-Encoding: chunked")},
}, {
	name:  "no 100 without a Read, the body sent nevertheless",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
	send:  []string{expecting("Content-Length: 5") + "abcde"},
}, {
	name: "no 100 behind the header",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		b, err := io.ReadAll(r.Body)
		s.served("read %q, %v", b, err)
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(expecting("Content-Length: 5"))
		p.interim()
		p.say("abcde")
		p.rest()
	},
}, {
	name:  "expected without a body",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) { s.gets(r.Body, "") },
	send:  []string{expecting("Content-Length: 0"), expecting("X-A: b")},
}, {
	name:  "expected by HTTP/1.0",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) { s.gets(r.Body, "abc") },
	send:  []string{"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"},
}, {
	name:  "other expectations",
	serve: func(s *side, _ http.ResponseWriter, _ *http.Request) { s.served("called") },
	send:  []string{"GET / HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n"},
}, {
	name:  "other expectations beside it",
	serve: func(s *side, _ http.ResponseWriter, _ *http.Request) { s.served("called") },
	send:  []string{"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, more\r\n\r\n"},
}, {
	name:  "expected in capitals",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) { s.gets(r.Body, "abc") },
	send:  []string{"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-CONTINUE\r\nContent-Length: 3\r\n\r\nabc"},
}, {
	name: "100 by the handler",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(100)
		s.gets(r.Body, "abcde")
		io.WriteString(w, "thanks")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(expecting("Content-Length: 5"))
		p.interim()
		p.say("abcde")
		p.answer("POST")
		p.probe()
	},
}, {
	name: "100 and net/http's client",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/read" {
			b, err := io.ReadAll(r.Body)
			s.served("read %q, %v", b, err)
		}
	},
	visit: func(s *side) {
		c := s.web()
		c.Transport.(*http.Transport).ExpectContinueTimeout = patience
		for _, path := range []string{"/read", "/leave"} {
			s.do(c, s.request("POST", path, strings.NewReader("abc"), "Expect: 100-continue"))
		}
	},
}, {
	name: "hints",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Length", "4")
		h.Set("X-A", "b")
		w.WriteHeader(102)
		h.Add("Link", "</a.css>")
		w.WriteHeader(103)
		h.Add("Link", "</b.css>")
		w.WriteHeader(103)
		w.WriteHeader(199)
		h.Del("Link")
		io.WriteString(w, "body")
	},
	send: []string{get11, head11},
}, {
	name: "hints are sent at once",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(103)
		s.await("hint")
		w.WriteHeader(204)
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.interim()
		s.signal("hint")
		p.answer("GET")
	},
}, {
	name: "hints to HTTP/1.0",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(103)
		w.WriteHeader(100)
		io.WriteString(w, "body")
	},
	send: []string{"GET / HTTP/1.0\r\n\r\n"},
}, {
	name: "hints behind the header",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(103)
	},
	send: []string{get11},
}, {
	name:  "hints only",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) },
	send:  []string{get11},
}, {
	name: "hints and net/http's client",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(103)
		w.WriteHeader(102)
		io.WriteString(w, "body")
	},
	visit: func(s *side) {
		r := s.request("GET", "/", nil)
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			s.saw("client: %d %s", code, fmt.Sprint(h))
			return nil
		}}
		s.do(s.web(), r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	},
}}
