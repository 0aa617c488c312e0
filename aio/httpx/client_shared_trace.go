package httpx

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"net/textproto"

	"goaio.example/aio/internal/http1"
)

// trace returns a context for package http2 whose trace reports the request's
// progress to the exchange, and to the user's trace if there is one. A hook that
// panics fails only its request: package http2 calls hooks in goroutines that
// the whole connection depends on.
func (w *sharedExchange) trace(ctx context.Context) context.Context {
	own, ours := httptrace.ContextClientTrace(ctx), w.ownTrace()
	if own == nil {
		return httptrace.WithClientTrace(ctx, ours)
	}
	t := *own
	if fn := own.GotConn; fn != nil {
		t.GotConn = func(i httptrace.GotConnInfo) { w.hook(func() { fn(i) }) }
	}
	if fn := own.GotFirstResponseByte; fn != nil {
		t.GotFirstResponseByte = func() { w.hook(fn) }
	}
	if fn := own.Got100Continue; fn != nil {
		t.Got100Continue = func() { w.hook(fn) }
	}
	if fn := own.Got1xxResponse; fn != nil {
		ours.Got1xxResponse = nil // if there are two, only one's error counts
		t.Got1xxResponse = func(status int, h textproto.MIMEHeader) error {
			if err := w.takeInterim(status, h); err != nil {
				return err
			}
			err := errHook
			if w.hook(func() { err = fn(status, h) }); err != nil {
				w.fail(err)
			}
			return err
		}
	}
	if fn := own.WroteHeaderField; fn != nil {
		t.WroteHeaderField = func(name string, values []string) { w.hook(func() { fn(name, values) }) }
	}
	if fn := own.WroteHeaders; fn != nil {
		t.WroteHeaders = func() { w.hook(fn) }
	}
	if fn := own.WroteRequest; fn != nil {
		t.WroteRequest = func(i httptrace.WroteRequestInfo) { w.hook(func() { fn(i) }) }
	}
	return httptrace.WithClientTrace(httptrace.WithClientTrace(untraced{ctx}, &t), ours)
}

// ownTrace returns the exchange's own hooks.
func (w *sharedExchange) ownTrace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { w.enter(atSend) },
		WroteHeaders: w.wroteHeaders,
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				w.enter(atHeader)
			}
			w.sent()
		},
		GotFirstResponseByte: w.answerBegins,
		Got1xxResponse:       w.takeInterim,
	}
}

// takeInterim bounds the interim responses, as over HTTP/1.1.
func (w *sharedExchange) takeInterim(status int, h textproto.MIMEHeader) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interim++
	for name, values := range h {
		for _, v := range values {
			w.heads += len(name) + len(v)
		}
	}
	switch {
	case w.interim > maxInterim:
		w.why = faultInterim
	case w.heads > maxHeaderBytes:
		w.why = http1.FaultTooLarge
	}
	if w.why != nil {
		return w.why
	}
	if status == http.StatusContinue && w.upload != nil {
		w.upload.goOn()
	}
	return nil
}

// hook calls a hook of the user's trace.
func (w *sharedExchange) hook(fn func()) {
	failed := func(error) { w.fail(errHook) }
	if err := w.ex.op.Call(fn, failed); err != nil {
		failed(err)
	}
}

// untraced is a context without its trace, which would otherwise be called in
// addition to the trace that replaces it. The key of a trace is known only by
// its type.
type untraced struct{ context.Context }

func (c untraced) Value(key any) any {
	v := c.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return nil
	}
	return v
}
