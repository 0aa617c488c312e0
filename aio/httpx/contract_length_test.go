package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// sized is a case of a body of a size, written in pieces.
func sized(n, piece int) contract {
	return contract{
		name: fmt.Sprintf("%d bytes by %d", n, piece),
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			for left := n; left > 0; left -= piece {
				io.WriteString(w, strings.Repeat("a", min(left, piece)))
			}
		},
		send: []string{get11, head11, "GET / HTTP/1.0\r\n\r\n"},
	}
}

// declared is a case of a Content-Length and a body.
func declared(length, body string) contract {
	return contract{
		name: fmt.Sprintf("declared %q of %d", length, len(body)),
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", length)
			if body != "" {
				s.writes(w, body)
			}
		},
		send: []string{get11, head11},
	}
}

// coded is a case of a Transfer-Encoding that the handler sets, perhaps with a
// Content-Length.
func coded(coding, length string) contract {
	return contract{
		name: fmt.Sprintf("coding %q with length %q", coding, length),
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Transfer-Encoding", coding)
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			s.writes(w, "body")
		},
		send: []string{head11, get11},
	}
}

var lengthContracts = []contract{
	sized(0, 1), sized(1, 1), sized(2047, 2047), sized(2048, 2048), sized(2049, 2049), sized(2048, 1), sized(2049, 1),
	sized(100000, 1000), sized(100000, 100000),
	declared("4", "body"), declared("5", "body"), declared("3", "body"), declared("0", "body"), declared("4", ""),
	declared("0", ""), declared("+4", "body"), declared("-1", "body"), declared("x", "body"), declared("", "body"),
	declared(" 4 ", "body"), declared("4, 4", "body"), declared("99999999999999999999", "body"),
	coded("identity", ""), coded("identity", "4"), coded("chunked", ""), coded("chunked", "4"), coded("gzip", ""),
	{
		name: "declared in two writes, too long",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			s.writes(w, "one")
			s.writes(w, "two")
			s.writes(w, "")
		},
		send: []string{get11},
	},
	{
		name: "declared twice",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Length"] = []string{"4", "4"}
			s.writes(w, "body")
		},
		send: []string{get11},
	},
	{
		name: "declared after the header",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.Header().Set("Content-Length", "3")
			s.writes(w, "body")
		},
		send: []string{get11},
	},
}
