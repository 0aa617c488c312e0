package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// What the HTTP servers answer. The bodies are ready: what is measured is the
// server, and not encoding/json.

var (
	greeting = []byte("Hello, World!")
	document = fmt.Appendf(nil, `{"message":"%s"}`, bytes.Repeat([]byte("x"), 1024-14))
)

// blocking is how long the handler of /sleep sleeps.
const blocking = 2 * time.Millisecond

// page is an answer.
type page struct {
	contentType string
	// what a handler sets as Content-Length; "": the server does
	length string
	body   []byte
	header http.Header // for those who want it as a whole
}

func newPage(contentType, length string, body []byte) *page {
	return &page{contentType, length, body, http.Header{"Content-Type": {contentType}}}
}

var (
	hello = newPage("text/plain", "", greeting)
	json1 = newPage("application/json", "", document)
	// Beyond 2 KiB net/http would send chunks.
	large = newPage("application/octet-stream", strconv.Itoa(100<<10), make([]byte, 100<<10))
)

// pageOf returns what is at a path.
func pageOf(path string) *page {
	switch path {
	case "/json":
		return json1
	case "/large":
		return large
	}
	return hello
}

// write answers an http.Handler's request. An error of Write's is the
// connection's end.
func (p *page) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.contentType)
	if p.length != "" {
		w.Header().Set("Content-Length", p.length)
	}
	_, _ = w.Write(p.body)
}
