package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// head11 is a request for the header only.
const head11 = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"

// writes notes what a Write returns.
func (s *side) writes(w io.Writer, text string) {
	n, err := io.WriteString(w, text)
	s.served("Write of %d: %d, %v", len(text), n, err)
}

// setStatus notes whether WriteHeader panics.
func (s *side) setStatus(w http.ResponseWriter, status int) {
	defer func() {
		s.served("WriteHeader(%d) panics: %v", status, recover() != nil)
	}()
	w.WriteHeader(status)
}

// withStatus is a case of an answer with a status and a body, or an attempt at
// one, and a request on the same connection.
func withStatus(status int, body string) contract {
	return contract{
		name: fmt.Sprintf("%d with %d bytes", status, len(body)),
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "b")
			w.WriteHeader(status)
			if body != "" {
				s.writes(w, body)
			}
		},
		send: []string{get11, head11},
	}
}

var statusContracts = []contract{
	withStatus(200, "body"), withStatus(201, ""), withStatus(204, ""), withStatus(204, "body"), withStatus(205, ""),
	withStatus(205, "body"), withStatus(304, ""), withStatus(304, "body"), withStatus(404, "body"), withStatus(599, "body"),
	withStatus(299, ""), withStatus(999, "body"), withStatus(101, ""),
	{
		name: "out of range",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			for _, status := range []int{0, 99, -1, 1000, 200} {
				s.setStatus(w, status)
			}
		},
		send: []string{get11},
	},
	{
		name:  "out of range unrecovered",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(99) },
		send:  []string{get11},
	},
	{
		name: "out of range after the header",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			s.setStatus(w, 200)
			s.setStatus(w, 1)
		},
		send: []string{get11},
	},
	{
		name: "superfluous",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			w.Header().Set("X-Late", "b")
			w.WriteHeader(500)
			s.writes(w, "a")
			w.WriteHeader(100)
			s.writes(w, "b")
		},
		send: []string{get11},
	},
	{
		name: "nothing at all",
		serve: func(*side, http.ResponseWriter, *http.Request) {
		},
		send: []string{get11, head11},
	},
	{
		name:  "HEAD with Write",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) { s.writes(w, "<html>body") },
		send:  []string{head11},
	},
	{
		name:  "HEAD with a long Write",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) { s.writes(w, strings.Repeat("a", 10000)) },
		send:  []string{head11},
	},
	{
		name: "HEAD with a length",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "12345")
		},
		send: []string{head11, head11},
	},
	{
		name: "HEAD with a length and Write",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			s.writes(w, "bo")
			s.writes(w, "dy")
			s.writes(w, "more")
		},
		send: []string{head11, head11},
	},
	{
		name: "304 with a length and a type",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "12345")
			w.Header().Set("Content-Type", "text/x")
			w.Header().Set("Etag", `"a"`)
			w.WriteHeader(304)
		},
		send: []string{get11, head11},
	},
	{
		name: "204 with a length and a coding",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.WriteHeader(204)
		},
		send: []string{get11, head11},
	},
}
