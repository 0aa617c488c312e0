package httpx

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"goaio.example/aio/internal/http1"
)

// appendTrailer appends the trailer: the fields that the header declared in
// Trailer, and those with http.TrailerPrefix, without fields that a trailer
// must not have.
func (w *h1Writer) appendTrailer(b []byte) ([]byte, error) {
	trailer := make(http.Header)
	for name, values := range w.header {
		if short, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			trailer[canonical(short)] = values
		}
	}
	for _, list := range w.header["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			name = canonical(http1.Trim(name))
			if values := w.header[name]; len(values) > 0 && httpguts.ValidTrailerHeader(name) {
				trailer[name] = values
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(trailer)) {
		if slices.Contains(noTrailer[:], name) {
			continue
		}
		if !http1.ValidName(name) {
			return b, &badTrailerError{name}
		}
		for _, v := range trailer[name] {
			if !http1.ValidValue(v) {
				return b, &badTrailerError{name}
			}
			b = appendField(b, name, http1.Trim(v))
		}
	}
	return b, nil
}

// noTrailer lists the fields that frame a message, which a trailer must not
// have.
var noTrailer = [...]string{"Transfer-Encoding", "Content-Length", "Trailer"}

// badTrailerError is an ErrBadHeader found after the body.
type badTrailerError struct{ name string }

func (e *badTrailerError) Error() string { return "httpx: bad trailer field " + clip(e.name) }
func (e *badTrailerError) Unwrap() error { return ErrBadHeader }
