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

// Client makes HTTP requests. The zero Client is ready, with the defaults given
// at its fields; they must not be changed once it is used. It may be used by
// many goroutines, and in many loops: connections are pooled per loop, do not
// hold their loop open while they are idle, and are closed when it drains.
type Client struct {
	// Timeouts bounds the phases of a request.
	Timeouts Timeouts
	// MaxBody is how much of a buffered response's body is read, in bytes; more
	// fails the request with ErrBodyTooLarge. 0 means 10 MiB; negative: no
	// bound.
	MaxBody int64
	// MaxRedirects is how many redirects are followed. 0 means 10; negative:
	// none, the redirect is the response. Credentials (Authorization, Cookie,
	// Proxy-Authorization) that are set in the request's header follow a
	// redirect to the same host and to its subdomains, but not from https to
	// http, nor behind that. A Referer that the client sets has the origin only
	// for another one.
	MaxRedirects int
	// Retry repeats requests that failed. The zero Retry does not.
	Retry Retry
	// Hedge sends a request a second time when the first takes long. The zero
	// Hedge does not.
	Hedge Hedge
	// Limiter returns what is waited for before a request is sent; nil is
	// nothing. It is called, and its Limiter waited for, before each request:
	// those of redirects, repetitions and hedging as well. The wait is part of
	// Timeouts.Total and of no other. An error of the Limiter's fails the
	// request, and is not worth a repetition. For a limit to each host, return
	// the Limiter of r.URL.Host. nil means no limit.
	Limiter func(r *http.Request) timer.Limiter
	// Wrap returns a RoundTripper around next, as middleware for an
	// http.Transport is: for tracing, signing or a cache. It is called once for
	// each operation; what it returns makes all requests of that one: those of
	// redirects and repetitions as well, and those of hedging side by side. The
	// Limiter is waited for before. A request's context has the values of its
	// operation's, and the request that next is given must have that context or
	// one derived from it. The body of a response that ends HTTP, which is a
	// 101 or a 2xx to CONNECT, must be passed on as it is. With Wrap a request
	// holds a goroutine. nil means next.
	Wrap func(next http.RoundTripper) http.RoundTripper
	// Reconnect says how Events and EventsFunc come back. The zero Reconnect
	// does as browsers do.
	Reconnect Reconnect
	// Guard is asked about each address, after its name was resolved and before
	// it is connected to; its error fails the dial. It is asked for every
	// connection: of redirects, of repetitions, of each address that a name
	// has. Through a proxy it sees the proxy's address and nothing of what the
	// proxy connects to: set Proxy, to no proxy, where that matters. nil allows
	// all. See GuardPublicOnly.
	Guard func(ctx context.Context, addr netip.AddrPort) error
	// Jar keeps cookies. nil means no cookies.
	Jar http.CookieJar
	// Dialer makes the connections; its TLS is that of https URLs. nil means a
	// zero tcp.Dialer.
	Dialer *tcp.Dialer
	// Proxy returns the proxy for a request, nil for none. nil means
	// http.ProxyFromEnvironment, which reads the environment once per process
	// and uses no proxy for loopback. The proxy's scheme is http, https, socks5
	// or socks5h. It is called by whoever makes the request, and must not
	// block.
	Proxy func(*http.Request) (*url.URL, error)
	// MaxConnsPerHost bounds the connections to a host, in use and idle. Beyond
	// it requests wait, in the order in which they were made, for
	// Timeouts.Wait. Over HTTP/2, requests share the connections. 0 means no
	// bound.
	MaxConnsPerHost int
	// MaxIdlePerHost bounds the idle connections kept to a host, by HTTP/1.1 and
	// by HTTP/2. 0 means 8; negative: none are kept.
	MaxIdlePerHost int
	// H2C speaks HTTP/2 without TLS to http URLs, and nothing but HTTP/2 to
	// https URLs.
	H2C bool
	// Transport, if set, makes the requests instead of the pools: Dialer,
	// Proxy, Guard, H2C, the bounds of connections, and all Timeouts but Total
	// and Body are then its own affair.
	Transport http.RoundTripper

	mu    sync.Mutex
	pools map[*aio.Loop]*pool
	spent budget
}

// Timeouts bounds the phases of a request. For each, 0 means the default, and a
// negative value no bound. Wait is not about how long the queue is: as long as
// requests to the host get connections, one after the other, the others wait.
type Timeouts struct {
	Total  time.Duration // from the start to the end of the body, redirects and retries included. Default: none
	Wait   time.Duration // for one of Client.MaxConnsPerHost, while no request to the host gets any. Default: 3 min
	Dial   time.Duration // lookup, connecting, and what is said to a proxy. Default: the Dialer's, or 30 s
	TLS    time.Duration // the TLS handshake. Default: the Dialer's, or 10 s
	Send   time.Duration // without any progress in sending, or in reading the request's body. Default: the Dialer's WriteTimeout, or 30 s
	Header time.Duration // from the request's end to the response's header. Default: 30 s
	Body   time.Duration // for each part of the response's body that is waited for. Default: 30 s
	Idle   time.Duration // how long an idle connection is kept. Default: 60 s
}

// orDefault returns d, def for 0, and 0, which means none, for a negative d.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}

// mostIdle returns how many idle connections to a host are kept.
func (c *Client) mostIdle() int {
	if c.MaxIdlePerHost == 0 {
		return 8
	}
	return c.MaxIdlePerHost
}

// DefaultClient is the Client of the functions of this package.
var DefaultClient = new(Client)
