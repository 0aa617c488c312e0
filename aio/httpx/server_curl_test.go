package httpx_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goaio.example/aio/httpx"
)

// TestCurl checks that curl gets what it asks for, in both modes.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	features, _ := exec.Command(curl, "--version").Output()
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, []byte(strings.Repeat("x", 100<<10)), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	for _, c := range []struct {
		name, scheme, want string
		args               []string
		h2                 bool
	}{
		{"HTTP/1.1", "http", "1.1 200 GET /", nil, false},
		{"HTTP/1.0", "http", "1 200 GET /", []string{"--http1.0"}, false},
		{"HEAD", "http", "1.1 200 ", []string{"--head"}, false},
		{"chunked upload", "http", "1.1 200 POST /", []string{"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + big}, false},
		{"Expect", "http", "1.1 200 POST /", []string{"-H", "Expect: 100-continue", "--data-binary", "@" + big}, false},
		{"range", "http", "1.1 200 GET /", []string{"-r", "0-1"}, false},
		{"offer of h2c", "http", "1.1 200 GET /", []string{"--http2"}, true},
		{"h2c", "http", "2 200 GET /", []string{"--http2-prior-knowledge"}, true},
		{"TLS", "https", "1.1 200 GET /", []string{"-k", "--http1.1"}, false},
		{"HTTP/2", "https", "2 200 GET /", []string{"-k", "--http2"}, true},
		{"HTTP/2 upload", "https", "2 200 POST /", []string{"-k", "--http2", "--data-binary", "@" + big}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothModes(t, func(t *testing.T, s *httpx.Server) {
				if c.h2 && !strings.Contains(string(features), "HTTP2") {
					t.Skip("this curl has no HTTP/2")
				}
				if c.scheme == "https" {
					s.TLS = serverTLS(t)
				}
				serve(t, s, func(addr string) {
					args := append([]string{"-sS", "--max-time", "10", "-o", "-", "-w", "\n%{http_version} %{http_code} ", c.scheme + "://" + addr + "/"}, c.args...)
					out, err := exec.Command(curl, args...).CombinedOutput()
					version, what, _ := strings.Cut(c.want, " ")
					status, start, _ := strings.Cut(what, " ")
					text := string(out)
					if c.name == "HTTP/1.0" {
						version = "1" // the server's version, or curl's
					}
					if err != nil || !strings.HasPrefix(text, start) || !strings.Contains(text[strings.LastIndex(text, "\n"):], "\n"+version) ||
						!strings.HasSuffix(text, " "+status+" ") {
						t.Errorf("%v: got %.200q ... %q", err, text, text[max(0, len(text)-20):])
					}
				})
			})
		})
	}
}
