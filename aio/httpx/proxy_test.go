package httpx_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// proxy starts a proxy that answers plain requests itself, and makes tunnels to
// one address.
func proxy(t *testing.T, to string) string {
	return origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			io.WriteString(w, "by proxy: "+r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		var both sync.WaitGroup
		pass := func(to, from net.Conn) {
			// without splice, which keeps its pipes
			io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from})
			to.(*net.TCPConn).CloseWrite()
		}
		both.Go(func() { pass(out, in) })
		pass(in, out)
		both.Wait()
	})
}

// TestProxy checks that requests go through Client.Proxy, those of https in a
// tunnel, and that the guard sees the proxy.
func TestProxy(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(echoes))
	defer secure.Close()
	through, err := url.Parse(proxy(t, secure.Listener.Addr().String()))
	if err != nil {
		t.Fatalf("url.Parse: %v", err)
	}
	through.User = url.UserPassword("user", "password")
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Proxy: http.ProxyURL(through), Dialer: &tcp.Dialer{TLS: &tls.Config{RootCAs: roots}}}
		r, err := c.Get(ctx, "http://plain.example/x").Await(ctx)
		wantBody(t, r, err, 200, "by proxy: http://plain.example/x Basic dXNlcjpwYXNzd29yZA==")
		// the test's certificate is for that name
		r, err = c.Get(ctx, "https://example.com/y").Await(ctx)
		wantBody(t, r, err, 200, "/y\n")
		c = &httpx.Client{Proxy: http.ProxyURL(through), Guard: httpx.GuardPublicOnly}
		_, err = c.Get(ctx, "http://93.184.216.34/").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, httpx.ErrBlocked)
		c = &httpx.Client{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1", User: through.User})}
		_, err = c.Get(ctx, "http://plain.example/x").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, aio.ErrRefused)
		if strings.Contains(err.Error(), "password") {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

// TestProxyFromEnvironment checks that the zero Client asks the environment, in
// a separate process, as that is read once.
func TestProxyFromEnvironment(t *testing.T) {
	if os.Getenv("BEHIND_A_PROXY") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyFromEnvironment$", "-test.v")
		addr := proxy(t, "")
		cmd.Env = append(os.Environ(), "BEHIND_A_PROXY=1", "HTTP_PROXY="+addr, "http_proxy="+addr, "NO_PROXY=", "no_proxy=")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	aiotest.Run(t, func(ctx context.Context) error {
		r, err := httpx.Get(ctx, "http://plain.example/x").Await(ctx)
		wantBody(t, r, err, 200, "by proxy: http://plain.example/x ")
		return nil
	})
}
