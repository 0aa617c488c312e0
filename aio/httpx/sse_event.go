package httpx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrBadEvent is the error of a ServerEvent that cannot be sent: with a line's
// end or a NUL in its ID or its type.
var ErrBadEvent = errors.New("httpx: bad server-sent event")

// ServerEvent is a server-sent event (HTML standard, section 9.2).
type ServerEvent struct {
	ID    string        // what a client that comes back gives as its last one; "" leaves the one before
	Type  string        // "" is "message"
	Data  string        // any text; its lines are sent one by one, and "\r\n" and "\r" arrive as "\n"
	Retry time.Duration // how long a client waits before it comes back; 0 leaves it as it was
}

// text returns the event as it is sent. It fails with ErrBadEvent.
func (e *ServerEvent) text() (string, error) {
	if strings.ContainsAny(e.ID, "\r\n\x00") || strings.ContainsAny(e.Type, "\r\n\x00") {
		return "", fmt.Errorf("%w: a line's end or NUL in the ID %q or the type %q", ErrBadEvent, clip(e.ID), clip(e.Type))
	}
	var b strings.Builder
	if e.ID != "" {
		b.WriteString("id: " + e.ID + "\n")
	}
	if e.Type != "" {
		b.WriteString("event: " + e.Type + "\n")
	}
	if e.Retry > 0 {
		b.WriteString("retry: " + strconv.FormatInt(e.Retry.Milliseconds(), 10) + "\n")
	}
	if e.Data != "" || e.Type != "" {
		for line := range strings.SplitSeq(lineEnds.Replace(e.Data), "\n") {
			b.WriteString("data: " + line + "\n")
		}
	}
	b.WriteString("\n")
	return b.String(), nil
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
