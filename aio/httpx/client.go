package httpx

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// A Client makes HTTP requests. The zero Client is ready to use, with the
// defaults given at its fields; the fields must not be changed once the Client
// is in use. A Client is safe for concurrent use by many goroutines, and in
// many loops: it pools connections per loop. Idle connections do not hold their
// loop open, and are closed when it drains.
type Client struct {
	// Timeouts bounds the phases of a request.
	Timeouts Timeouts
	// MaxBody bounds the body of a buffered response, in bytes. A larger one
	// fails the request with ErrBodyTooLarge. 0 means 10 MiB; negative: no
	// bound.
	MaxBody int64
	// MaxRedirects is the number of redirects that are followed. 0 means 10;
	// negative: none, the redirect is the response. Credentials (Authorization,
	// Cookie, Proxy-Authorization) in the request's header follow a redirect to
	// the same host and to its subdomains. They do not follow one from https to
	// http, nor any redirect after it. A Referer that the client sets has only
	// the origin if the redirect leads to another one.
	MaxRedirects int
	// Retry repeats failed requests. The zero Retry repeats none.
	Retry Retry
	// Hedge sends a second request when the first takes long. The zero Hedge
	// sends none.
	Hedge Hedge
	// Limiter returns the Limiter to wait for before a request is sent; nil
	// means no wait. It is called, and its Limiter waited for, before each
	// request, including redirects, retries and hedged requests. The wait
	// counts towards Timeouts.Total and no other timeout. An error of the
	// Limiter fails the request, which is not retried. To limit each host,
	// return the Limiter of r.URL.Host. A nil Limiter field means no limit.
	Limiter func(r *http.Request) timer.Limiter
	// Wrap returns a RoundTripper around next, as middleware for an
	// http.Transport does: for tracing, signing or a cache. It is called once
	// for each operation. The result makes all requests of that operation,
	// including redirects and retries, and makes hedged requests concurrently.
	// The Limiter is waited for before it. A request's context has the values
	// of its operation's context, and next must be given a request with that
	// context or one derived from it. The body of a response that ends HTTP,
	// which is a 101 or a 2xx to CONNECT, must be passed on unchanged. With
	// Wrap a request holds a goroutine. nil means next.
	Wrap func(next http.RoundTripper) http.RoundTripper
	// Reconnect says how Events and EventsFunc reconnect. The zero Reconnect
	// behaves as browsers do.
	Reconnect Reconnect
	// Guard is called with each address after its name is resolved and before
	// the connection is made; its error fails the dial. It is called for every
	// connection, including those of redirects and retries, and for each
	// address of a name. Through a proxy it sees the proxy's address and
	// nothing of what the proxy connects to: where that matters, set Proxy to a
	// function that returns no proxy. nil allows all addresses. See
	// GuardPublicOnly.
	Guard func(ctx context.Context, addr netip.AddrPort) error
	// Jar stores cookies. nil means no cookies.
	Jar http.CookieJar
	// Dialer makes the connections; its TLS applies to https URLs. nil means a
	// zero tcp.Dialer.
	Dialer *tcp.Dialer
	// Proxy returns the proxy for a request, nil for none. nil means
	// http.ProxyFromEnvironment, which reads the environment once per process
	// and uses no proxy for loopback. The proxy's scheme is http, https, socks5
	// or socks5h. Proxy is called in the goroutine that makes the request, and
	// must not block.
	Proxy func(*http.Request) (*url.URL, error)
	// MaxConnsPerHost bounds the connections to a host, in use and idle.
	// Requests beyond it wait, in the order in which they were made, for
	// Timeouts.Wait. Over HTTP/2, requests share the connections. 0 means no
	// bound.
	MaxConnsPerHost int
	// MaxIdlePerHost bounds the idle connections kept to a host, over HTTP/1.1
	// and over HTTP/2. 0 means 8; negative: none are kept.
	MaxIdlePerHost int
	// H2C speaks HTTP/2 without TLS to http URLs, and nothing but HTTP/2 to
	// https URLs.
	H2C bool
	// Transport, if set, makes the requests instead of the pools. Dialer,
	// Proxy, Guard, H2C, the bounds on connections, and all Timeouts except
	// Total and Body then have no effect.
	Transport http.RoundTripper

	mu    sync.Mutex
	pools map[*aio.Loop]*pool
	spent budget
}

// Timeouts bounds the phases of a request. For each field, 0 means the default,
// and a negative value no bound.
type Timeouts struct {
	// Total bounds the request from its start to the end of the response's
	// body, including redirects and retries. Default: none.
	Total time.Duration
	// Wait bounds the wait for one of Client.MaxConnsPerHost connections. It
	// counts only while no request to the host gets one, however long the queue
	// is. Default: 3 min.
	Wait time.Duration
	// Dial bounds the lookup, connecting, and the exchange with a proxy.
	// Default: the Dialer's, or 30 s.
	Dial time.Duration
	// TLS bounds the TLS handshake. Default: the Dialer's, or 10 s.
	TLS time.Duration
	// Send bounds how long sending, or reading the request's body, may make no
	// progress. Default: the Dialer's WriteTimeout, or 30 s.
	Send time.Duration
	// Header bounds the wait for the response's header after the request is
	// sent. Default: 30 s.
	Header time.Duration
	// Body bounds the wait for each part of the response's body. Default: 30 s.
	Body time.Duration
	// Idle bounds how long an idle connection is kept. Default: 60 s.
	Idle time.Duration
}

// orDefault returns d. It returns def if d is 0, and 0, which means none, if d
// is negative.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}

// mostIdle returns the number of idle connections kept to a host.
func (c *Client) mostIdle() int {
	if c.MaxIdlePerHost == 0 {
		return 8
	}
	return c.MaxIdlePerHost
}

// DefaultClient is the Client that the package's functions use.
var DefaultClient = new(Client)
