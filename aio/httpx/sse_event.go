package httpx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrBadEvent is the error of a ServerEvent that cannot be sent because its ID
// or its type contains a line's end or a NUL.
var ErrBadEvent = errors.New("httpx: bad server-sent event")

// A ServerEvent is a server-sent event (HTML standard, section 9.2).
type ServerEvent struct {
	// ID is the event ID that a reconnecting client sends as its last one. ""
	// leaves the previous ID in effect.
	ID   string
	Type string // "" means "message"
	// Data is any text. It is sent line by line, and "\r\n" and "\r" arrive as
	// "\n".
	Data string
	// Retry is how long a client waits before it reconnects. 0 leaves the
	// previous value in effect.
	Retry time.Duration
}

// text returns the event in the format of the stream. Its error is ErrBadEvent.
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
