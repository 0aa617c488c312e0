package dnsx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	dnsMessage = "application/dns-message"
	maxBody    = 65535
)

var errTooBig = errors.New("the answer is longer than a message can be")

// overHTTPS sends the query in a POST request (RFC 8484), to that URL and
// nowhere else: redirects are not followed. Its ID is 0, so that caches on the
// way work.
func (c *call) overHTTPS() ([]byte, error) {
	ctx, cancel := context.WithDeadline(c.ctx, c.deadline)
	defer cancel()
	out := c.message()
	out[0], out[1] = 0, 0
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.up.url, bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", dnsMessage)
	req.Header.Set("Accept", dnsMessage)
	req.Header.Set("User-Agent", "") // none
	h := c.pool.use(c)
	defer h.end()
	c.count.queries.Add(1)
	resp, err := h.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	msg, err := c.readBody(resp)
	if err != nil {
		return nil, err
	}
	if !c.answeredBy(msg) {
		c.count.ignored.Add(1)
		return nil, errMismatch // there is no other answer to wait for
	}
	return msg, nil
}

// readBody returns the message in a response.
func (c *call) readBody(resp *http.Response) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{resp.StatusCode}
	}
	if t := resp.Header.Get("Content-Type"); t != dnsMessage {
		return nil, fmt.Errorf("%w: its type is %.40q, not %s", errNotDNS, t, dnsMessage)
	}
	b := bytes.NewBuffer(c.in[:0])
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return nil, err
	}
	if b.Len() > maxBody {
		return nil, errTooBig
	}
	if b.Len() < headerLen {
		return nil, errShort
	}
	if age, err := strconv.ParseUint(resp.Header.Get("Age"), 10, 31); err == nil {
		c.age = time.Duration(age) * time.Second
	}
	return b.Bytes(), nil
}

var errNotDNS = errors.New("the answer is no DNS message")

// statusError is an HTTP server's refusal.
type statusError struct{ code int }

func (e *statusError) Error() string { return "HTTP status " + strconv.Itoa(e.code) }
