package httpx

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
)

// A Response is a response with its body in memory.
type Response struct {
	Status  int // such as 200
	Proto   string
	Header  http.Header
	Trailer http.Header
	Body    []byte
	URL     *url.URL // of the last request, after redirects
}

// String describes the response without its header, its body and the query of
// its URL, which may hold secrets.
func (r *Response) String() string {
	return fmt.Sprintf("#<http-response %d %s of %d bytes from %s>", r.Status, r.Proto, len(r.Body), r.cutURL())
}

// LogValue returns the response for a log: what String shows.
func (r *Response) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("status", r.Status),
		slog.String("proto", r.Proto),
		slog.Int("bytes", len(r.Body)),
		slog.String("url", r.cutURL()),
	)
}

func (r *Response) cutURL() string {
	if r.URL == nil {
		return ""
	}
	return cutCredentials(r.URL.String())
}

// ErrBodyTooLarge is the error of a response whose body is longer than
// Client.MaxBody.
var ErrBodyTooLarge = errors.New("httpx: the response's body is too large")

// defaultMaxBody bounds a response's body if Client.MaxBody is 0.
const defaultMaxBody = 10 << 20

// readAll reads all of r, at most limit bytes if limit is not negative. It
// reserves up to 64 KiB for an announced length, and grows the buffer as bytes
// arrive.
func readAll(r io.Reader, limit, announced int64) ([]byte, error) {
	if limit < 0 {
		limit = math.MaxInt64 - 1
	}
	if announced > limit {
		return nil, fmt.Errorf("%w: %d bytes announced, %d allowed", ErrBodyTooLarge, announced, limit)
	}
	room := int64(512)
	if announced >= 0 {
		// one more, to read the end without growing
		room = min(announced, 64<<10) + 1
	}
	b := make([]byte, 0, room)
	for {
		if n := len(b); n == cap(b) {
			if more := announced + 1 - int64(n); more > 0 {
				b = slices.Grow(b, int(min(more, int64(n))))
			} else {
				b = append(b, 0)[:n]
			}
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, fmt.Errorf("%w: over %d bytes", ErrBodyTooLarge, limit)
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
}
