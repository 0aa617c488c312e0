package transport

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

var errTooBig = errors.New("the response is longer than a DNS message can be")

// overHTTPS sends the query in a POST request (RFC 8484). It does not follow
// redirects. The ID is 0, so that HTTP caches can answer.
func (c *Call) overHTTPS() ([]byte, error) {
	ctx, cancel := context.WithDeadline(c.Context, c.Deadline)
	defer cancel()
	out := c.message()
	out[0], out[1] = 0, 0
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Server.url, bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", dnsMessage)
	req.Header.Set("Accept", dnsMessage)
	req.Header.Set("User-Agent", "") // none
	h := c.Pool.use(c)
	defer h.end()
	c.Counters.Queries.Add(1)
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
		c.Counters.Ignored.Add(1)
		return nil, errMismatch // a request has one response
	}
	return msg, nil
}

// readBody returns the message in a response.
func (c *Call) readBody(resp *http.Response) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, &StatusError{resp.StatusCode}
	}
	if t := resp.Header.Get("Content-Type"); t != dnsMessage {
		return nil, fmt.Errorf("%w: its content type is %.40q, want %s", errNotDNS, t, dnsMessage)
	}
	b := bytes.NewBuffer(c.in[:0])
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, int64(maxBody+1))); err != nil {
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

var errNotDNS = errors.New("the response is not a DNS message")

// StatusError is the status other than 200 of an HTTP response.
type StatusError struct{ code int }

// Error returns the status, as in "HTTP status 503".
func (e *StatusError) Error() string { return "HTTP status " + strconv.Itoa(e.code) }
