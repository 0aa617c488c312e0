package httpx

import "errors"

// An Outcome says how a request to a Server ended. See RequestStats.
type Outcome uint8

const (
	// OutcomeAnswered says that the whole response was handed to the kernel,
	// whatever its status.
	OutcomeAnswered Outcome = iota
	// OutcomeHijacked says that the program took the connection over, with
	// Request.Upgrade or Hijack.
	OutcomeHijacked
	// OutcomeRefused says that the server refused the request or its body: it
	// is malformed, exceeds a limit, or came too slowly. Server.MaxInFlight
	// refuses requests too.
	OutcomeRefused
	// OutcomeAbandoned says that the program gave no response in time
	// (Server.ResponseTimeout, Server.RequestTimeout) or dropped the request.
	// The server answered with 503 or 500, or ended a stream.
	OutcomeAbandoned
	// OutcomePanicked says that the function that serves the request panicked
	// or called runtime.Goexit. The client got 500 if nothing had been sent.
	OutcomePanicked
	// OutcomeAborted says that this side ended the response before it was
	// whole: by http.ErrAbortHandler, by cancelling the request, the server or
	// the loop, or because of a trailer that cannot be sent.
	OutcomeAborted
	// OutcomeGone says that the client did not get the whole response: it left,
	// broke off its body, or did not read for Server.WriteTimeout.
	OutcomeGone
)

var outcomeTexts = [...]string{
	"answered", "hijacked", "refused", "abandoned", "panicked", "aborted", "client gone",
}

// String returns a word or two, such as "answered" or "client gone".
func (o Outcome) String() string {
	if int(o) < len(outcomeTexts) {
		return outcomeTexts[o]
	}
	return "unknown"
}

// settleLocked determines the outcome of an exchange that is about to be over.
// whole means that the kernel has all of the response. Until then, outcome says
// why there is no response from the program, or that the client has left, which
// may nevertheless have got its response. The lock is held.
func (x *inbound) settleLocked(whole bool) {
	switch {
	case x.outcome != OutcomeAnswered && x.outcome != OutcomeGone:
	case whole:
		x.outcome = OutcomeAnswered
	case x.serverCause() != nil, errors.Is(x.fail, ErrBadHeader):
		x.outcome = OutcomeAborted
	default:
		x.outcome = OutcomeGone
	}
}
