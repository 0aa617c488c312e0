package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"goaio.example/aio/internal/http1"
)

// plainWriter is the http.ResponseWriter of an HTTP/2 exchange. It checks the
// header, and records what was sent.
type plainWriter struct {
	rw      http.ResponseWriter
	x       *h2Exchange
	bytes   int64
	err     error     // why nothing more is sent
	length  [1]string // the Content-Length of a whole response
	status  int32
	checked bool // the header is known to be valid
	wrote   bool // the header is sent, or about to be
}

// Unwrap provides http.ResponseController with the methods that this writer
// lacks.
func (w *plainWriter) Unwrap() http.ResponseWriter { return w.rw }

// Header returns the response's header.
func (w *plainWriter) Header() http.Header { return w.rw.Header() }

// WriteHeader sends the header. A control byte in it, such as a line's end,
// fails the response: the client gets 500, and ErrBadHeader is an event and the
// error of Write.
func (w *plainWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	var err error
	if !w.checked {
		err = checkAnswer(status, w.rw.Header())
	}
	trimValues(w.rw.Header())
	if err == nil && status < 200 && status != http.StatusSwitchingProtocols {
		w.rw.WriteHeader(status)
		return
	}
	w.wrote, w.status = true, int32(status)
	if err != nil {
		w.fail(err)
		return
	}
	if w.x.s.RequestIDHeader != "" {
		w.rw.Header().Set(w.x.s.RequestIDHeader, w.x.id)
	}
	w.rw.WriteHeader(status)
}

// fail answers with 500 instead of a response that cannot be sent.
func (w *plainWriter) fail(err error) {
	w.err, w.status = err, http.StatusInternalServerError
	clear(w.rw.Header())
	w.x.Op().Report(err)
	w.rw.WriteHeader(http.StatusInternalServerError)
}

// Write sends a part of the body.
func (w *plainWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.status == http.StatusResetContent && len(p) > 0 {
		return 0, http.ErrBodyNotAllowed // RFC 9110, section 15.3.6
	}
	n, err := w.rw.Write(p)
	w.bytes += int64(n)
	return n, err
}

// WriteString is Write for a string.
func (w *plainWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush sends buffered bytes.
// the next Write returns the error
func (w *plainWriter) Flush() { w.FlushError() }

// FlushError is Flush with an error.
func (w *plainWriter) FlushError() error {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil {
		return w.err
	}
	return w.rw.(interface{ FlushError() error }).FlushError()
}

// begun reports whether the response has begun.
func (w *plainWriter) begun() bool { return w.wrote }

// send sends a whole response, and waits until the kernel has accepted it.
func (w *plainWriter) send(a *answer) error {
	h := w.rw.Header()
	w.checked = len(h) == 0 || a.close
	if a.close {
		clear(h)
	}
	for k, v := range a.header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	if a.isText {
		h["Content-Type"] = []string{textType}
	}
	body := a.body
	switch {
	// RFC 9110, section 9.3.6
	case w.x.raw.Method == http.MethodConnect && a.status < 300:
		body = nil
		delete(h, "Content-Length")
	case bodyAllowed(a.status):
		if a.status == http.StatusResetContent {
			body = nil
		}
		if w.x.raw.Method != http.MethodHead || len(body) > 0 || h["Content-Length"] == nil {
			w.length[0] = strconv.Itoa(len(body))
			h["Content-Length"] = w.length[:]
		}
	default:
		body = nil
	}
	w.WriteHeader(a.status)
	if len(body) > 0 && w.x.raw.Method != http.MethodHead {
		if _, err := w.Write(body); err != nil {
			return err
		}
	}
	return w.FlushError()
}

// end checks the trailer that an http.Handler may have set.
func (w *plainWriter) end() error {
	if !w.wrote || w.err != nil {
		return nil
	}
	h := w.rw.Header()
	if len(h["Trailer"]) == 0 && !hasTrailer(h) {
		return nil
	}
	err := checkFields(h)
	trimValues(h)
	if err != nil {
		w.x.Op().Report(err)
		w.x.Op().Told()
	}
	return err
}

// trimValues removes white space around values, which HTTP/2 forbids (RFC 9113,
// section 8.2.1), and which has no meaning in HTTP/1.
func trimValues(h http.Header) {
	for k, values := range h {
		if !slices.ContainsFunc(values, func(v string) bool { return v != http1.Trim(v) }) {
			continue
		}
		values = slices.Clone(values) // the slice belongs to the program
		for i, v := range values {
			values[i] = http1.Trim(v)
		}
		h[k] = values
	}
}

func hasTrailer(h http.Header) bool {
	for k := range h {
		if strings.HasPrefix(k, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// bodyAllowed reports whether responses with a status have a body (RFC 9110,
// section 6.4.1).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// ErrBadHeader is the error of a response whose status or header cannot be
// sent: a line's end in a value would let its author write the rest of the
// response. The response is never rewritten; the client gets 500.
var ErrBadHeader = errors.New("httpx: bad response header")

// checkAnswer checks a response's status and header.
func checkAnswer(status int, h http.Header) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	return checkFields(h)
}

func checkStatus(status int) error {
	if status < 100 || status > 999 {
		return fmt.Errorf("%w: status %d", ErrBadHeader, status)
	}
	return nil
}

func checkFields(h http.Header) error {
	for k, vv := range h {
		if name := strings.TrimPrefix(k, http.TrailerPrefix); !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%w: name %q", ErrBadHeader, clip(k))
		}
		for _, v := range vv {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("%w: value %q of %s", ErrBadHeader, clip(v), k)
			}
		}
	}
	return nil
}

// clip shortens text that the peer may have made long.
func clip(s string) string {
	const most = 128
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
