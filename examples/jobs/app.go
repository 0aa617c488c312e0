package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/httpx"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

const page = `<!doctype html><title>jobs</title><button onclick="fetch('/jobs', {method: 'POST', body: 'a job'})">put a job</button>
<ol id="jobs"></ol><script>
new EventSource("/events").onmessage = e => { jobs.append(Object.assign(document.createElement("li"), {textContent: e.data})) }
</script>`

// app is what serves requests and does jobs.
type app struct {
	putter   jobs.Putter
	progress *flow.Topic[string]
	stdout   io.Writer
	takes    time.Duration

	mu   sync.Mutex
	full bool // further jobs are refused
}

// leave waits for the end to be asked for, refuses further jobs, and waits
// until all are done. Then it ends the loop's DrainDelay.
func (a *app) leave(ctx context.Context, m *jobs.Memory) {
	<-aio.Leaving(ctx)
	a.mu.Lock()
	a.full = true
	a.mu.Unlock()
	for range timer.Every(ctx, 20*time.Millisecond, timer.Interval{}).Ticks(ctx) {
		if s := m.Stats("work"); s.Ready+s.Delayed+s.Reserved == 0 {
			aio.LoopOf(ctx).Exit(nil)
			return
		}
	}
}

func (a *app) serve(r *httpx.Request) {
	switch {
	case r.Resource() == "/events":
		aio.Spawn(r.Context(), "events", func(ctx context.Context) error { return a.events(ctx, r) })
	case r.Resource() == "/jobs" && r.Method() == http.MethodPost:
		a.put(r)
	default:
		r.Respond(200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte(page))
	}
}

// put puts a job, and answers when the broker has it.
func (a *app) put(r *httpx.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.full {
		r.RespondString(503, "no more jobs\n")
		return
	}
	meta := map[string]string{"from": cmp.Or(r.Header().Get("User-Agent"), "somebody")}
	f := a.putter.Put(r.Context(), "work", jobs.Job{Type: "text/plain", Body: r.Body(), Meta: meta})
	f.AfterFunc(func() {
		if id, err := f.Result(); err != nil {
			r.RespondString(503, fmt.Sprintln("the job may not have been put:", err))
		} else {
			r.RespondString(202, fmt.Sprintln(id))
		}
	})
}

// work does a job, in ten steps. It may be called twice for one job: a handler
// that must not do things twice keeps what it has done, by j.ID.
func (a *app) work(ctx context.Context, j *jobs.Job) error {
	for step := range 10 {
		if err := timer.Sleep(ctx, a.takes/10); err != nil {
			return err
		}
		if err := a.progress.Publish(ctx, fmt.Sprintf("%s %d%%", j.ID, 10*step+10)); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stdout, "done %s\n", j.ID)
	return nil
}

// events sends the progress of the jobs until the client is gone or the server
// drains.
func (a *app) events(ctx context.Context, r *httpx.Request) error {
	stream, err := r.SSE(nil, 0)
	if err != nil {
		return err
	}
	defer stream.Close()
	progress := a.progress.Subscribe(ctx, 100, flow.DropOldest)
	defer progress.Close()
	for {
		select {
		case text, ok := <-progress.C():
			if !ok || stream.Send(httpx.ServerEvent{Data: text}) != nil {
				return nil // the topic has ended, or the client is gone
			}
		case <-stream.Gone():
			return nil
		case <-stream.Draining():
			return nil
		}
	}
}
