package httpx

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Response is a response with its body in memory.
type Response struct {
	Status  int // such as 200
	Proto   string
	Header  http.Header
	Trailer http.Header
	Body    []byte
	URL     *url.URL // of the last request, after redirects
}

// ErrBodyTooLarge is the error of a response whose body is longer than Client.MaxBody.
var ErrBodyTooLarge = errors.New("httpx: the response's body is too large")

// defaultMaxBody is how much of a response's body is read unless Client.MaxBody says otherwise.
const defaultMaxBody = 10 << 20

// buffer reads the response's body.
func (ex *outgoing) buffer(resp *http.Response) (*Response, error) {
	defer resp.Body.Close()
	limit := ex.client.MaxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	announced := resp.ContentLength
	if resp.Request.Method == http.MethodHead {
		announced = 0 // it is the length of what a GET would bring
	}
	body, err := readAll(resp.Body, limit, announced)
	if err != nil {
		return nil, ex.wrap(err)
	}
	return &Response{resp.StatusCode, resp.Proto, resp.Header, resp.Trailer, body, resp.Request.URL}, nil
}

// readAll reads all of r, at most limit bytes if that is not negative. It allocates as bytes come, whatever length was
// announced.
func readAll(r io.Reader, limit, announced int64) ([]byte, error) {
	if limit < 0 {
		return io.ReadAll(r)
	}
	if announced > limit {
		return nil, fmt.Errorf("%w: %d bytes announced, %d allowed", ErrBodyTooLarge, announced, limit)
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: over %d bytes", ErrBodyTooLarge, limit)
	}
	return b, err
}
