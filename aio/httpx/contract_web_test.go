package httpx_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"
)

// transport returns a Transport for the server, closed at the case's end.
func (s *side) transport() *http.Transport {
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		Protocols:       new(http.Protocols),
	}
	tr.Protocols.SetHTTP1(true)
	s.atEnd(tr.CloseIdleConnections)
	return tr
}

// web returns a net/http client for the server, closed at the case's end.
func (s *side) web() *http.Client {
	return &http.Client{Transport: s.transport(), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// url returns the URL of a path of the server.
func (s *side) url(path string) string {
	if s.tls {
		return "https://" + s.addr + path
	}
	return "http://" + s.addr + path
}

// request makes a request to the server, with fields "Name: value".
func (s *side) request(method, path string, body io.Reader, fields ...string) *http.Request {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.atEnd(cancel)
	r, err := http.NewRequestWithContext(ctx, method, s.url(path), body)
	if err != nil {
		s.Fatalf("http.NewRequestWithContext: %v", err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// do makes a request and notes the answer.
func (s *side) do(c *http.Client, r *http.Request) {
	resp, err := c.Do(r)
	if err != nil {
		s.saw("client: %v", err)
		return
	}
	s.response(resp)
}

// response notes an answer, and closes its body.
func (s *side) response(resp *http.Response) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	s.saw("client: %s %s", resp.Proto, resp.Status)
	s.header("client: ", resp.Header)
	s.saw("client: length %d, coding %q, close %v, unpacked %v", resp.ContentLength, resp.TransferEncoding, resp.Close, resp.Uncompressed)
	s.saw("client: body %s, %v", clipBody(body), err)
	s.header("client: trailer ", resp.Trailer)
}

// header notes a header without the Date.
func (s *side) header(prefix string, h http.Header) {
	for _, line := range sortedFields(h) {
		s.saw("%s%s", prefix, line)
	}
}

// sortedFields returns a header's fields except the Date, sorted.
func sortedFields(h http.Header) (out []string) {
	for name, values := range h {
		for _, v := range values {
			if name != "Date" {
				out = append(out, name+": "+v)
			}
		}
		if len(values) == 0 {
			out = append(out, name+" without a value")
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return out
}
