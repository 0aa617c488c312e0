package mongo

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// Client is a MongoDB deployment as a program sees it, with one client of the
// official driver in each loop that uses it. The zero Client is that of
// 127.0.0.1:27017. The driver's client is made when it is first used, and is
// disconnected when its loop is empty. Set the fields before use; the methods
// may be called from any goroutine, in any number of loops.
type Client struct {
	// URI is the deployment's connection string, "mongodb://a:27017,b:27017"
	// or "mongodb+srv://cluster.example" say. "" means
	// "mongodb://127.0.0.1:27017".
	URI string
	// Dialer makes the connections. Its Background is set by the client; TLS
	// must be nil: use "tls=true" in the URI, or Options. A *dnsx.Resolver of
	// the Dialer, or the default one, looks up the records of a mongodb+srv URI
	// too.
	Dialer tcp.Dialer
	// Options are further settings of the driver, which take precedence over
	// those of the URI. Dialer and Timeout are replaced by this Client's.
	Options *options.ClientOptions
	// Timeout bounds each command, with server selection, the wait for a
	// connection and the driver's retries, if its ctx does not end earlier. It
	// bounds each batch that a Cursor or a ChangeStream fetches too. 0 or less
	// means 30 s.
	Timeout time.Duration

	mu    sync.Mutex
	links map[*aio.Loop]*link
}

// timeout returns what bounds a command.
func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 30 * time.Second
	}
	return c.Timeout
}

func (c *Client) uri() string {
	if c.URI == "" {
		return "mongodb://127.0.0.1:27017"
	}
	return c.URI
}

// name returns the hosts of the URI, without a password: also without one that
// is not escaped as it should be.
func (c *Client) name() string {
	_, rest, _ := strings.Cut(c.uri(), "://")
	rest = rest[strings.LastIndex(rest, "@")+1:]
	if end := strings.IndexAny(rest, "/?&"); end >= 0 {
		rest = rest[:end]
	}
	if name, err := url.PathUnescape(rest); err == nil {
		return name
	}
	return ""
}

// use returns what the client has in ctx's loop, which must not have ended, for
// a user who calls done once.
func (c *Client) use(ctx context.Context) (*link, error) {
	loop := aio.LoopOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[loop]
	if l == nil || l.over() {
		var err error
		if l, err = newLink(c, loop); err != nil {
			return nil, err
		}
		if c.links == nil {
			c.links = make(map[*aio.Loop]*link)
		}
		c.links[loop] = l
	}
	l.users.Add(1)
	return l, nil
}

// forget forgets a link, which gets no new users then.
func (c *Client) forget(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.links[l.loop] == l {
		delete(c.links, l.loop)
	}
}

// Disconnect ends what the client has in ctx's loop before the loop's end: it
// waits for the commands, the Cursors and the ChangeStreams in progress, and
// ends the driver's sessions and connections. The future fails if ctx ends
// before that; the connections are then closed nevertheless. A later use
// connects again. A second Disconnect that overlaps the first returns at once. A loop that ends does not need it; the sessions are then left
// to the server, which forgets them after 30 minutes.
func (c *Client) Disconnect(ctx context.Context) *aio.Future[struct{}] {
	return start(ctx, kindDisconnect, c.name(), func(ctx context.Context) (struct{}, error) {
		c.mu.Lock()
		l := c.links[aio.LoopOf(ctx)]
		c.mu.Unlock()
		if l == nil {
			return struct{}{}, nil
		}
		return struct{}{}, l.leave(ctx)
	})
}
