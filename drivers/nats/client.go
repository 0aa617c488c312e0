package nats

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// Msg is a message of nats.go's: Subject, Reply, Header, Data. Its methods
// Respond and RespondMsg answer a request.
type Msg = natsgo.Msg

// Client is a NATS server or cluster as a program sees it, with one connection
// in each loop that uses it. The zero Client is that of 127.0.0.1:4222. A
// connection is made when it is first used, is repaired by nats.go when it
// breaks, and is closed when its loop is empty. Set the fields before use; the
// methods may be called from any goroutine, in any number of loops.
type Client struct {
	// URL is the server's, "nats://127.0.0.1:4222" say, or those of several
	// servers, with commas between them. "" means that one.
	URL string
	// Dialer makes the connections. Its Background is set by the client; TLS
	// must be nil, since NATS begins TLS after its first message: use a URL
	// that begins with "tls://", or nats.go's options. A Timeout of 0 means
	// that of nats.go, 2 s.
	Dialer tcp.Dialer
	// Options are further settings of nats.go: credentials, TLS, a name. Its
	// callbacks are called besides what this package does. Without options a
	// connection that breaks is repaired for as long as its loop runs, a dead
	// one is noticed within 30 s, and nothing is buffered meanwhile: what is
	// sent then fails, or is repeated where that is safe.
	Options []natsgo.Option
	// Timeout bounds a Publish, a Request and a call of a Bucket, repetitions
	// included, if their ctx does not end earlier. 0 or less means 10 s.
	Timeout time.Duration

	mu    sync.Mutex
	links map[*aio.Loop]*link
}

// timeout returns what bounds a call.
func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 10 * time.Second
	}
	return c.Timeout
}

// bound returns a ctx that ends when a call has had its time.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.timeout(), aio.ErrTimeout)
}

func (c *Client) url() string {
	if c.URL == "" {
		return natsgo.DefaultURL
	}
	return c.URL
}

// name returns the URLs without their passwords.
func (c *Client) name() string {
	var names []string
	for text := range strings.SplitSeq(c.url(), ",") {
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil && u.Host != "" {
			names = append(names, u.Host)
		}
	}
	return strings.Join(names, ",")
}

// options returns the settings of a connection.
func (c *Client) options() (natsgo.Options, error) {
	o := natsgo.GetDefaultOptions()
	for text := range strings.SplitSeq(c.url(), ",") {
		o.Servers = append(o.Servers, strings.TrimSpace(text))
	}
	o.MaxReconnect = -1
	o.ReconnectWait, o.ReconnectJitter = 200*time.Millisecond, 200*time.Millisecond
	o.ReconnectBufSize = -1
	o.PingInterval = 10 * time.Second
	o.SkipHostLookup = true // the Dialer looks names up
	for _, set := range c.Options {
		if err := set(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// link returns what the client has in ctx's loop, which must not have ended:
// the caller has an operation in it.
func (c *Client) link(ctx context.Context) *link {
	loop := aio.LoopOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[loop]
	if l == nil {
		if c.links == nil {
			c.links = make(map[*aio.Loop]*link)
		}
		l = &link{client: c, loop: loop, top: aio.WithLoop(context.Background(), loop)}
		c.links[loop] = l
		loop.AtExit(l.end)
	}
	return l
}

// forget forgets a loop that has ended.
func (c *Client) forget(loop *aio.Loop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.links, loop)
}
